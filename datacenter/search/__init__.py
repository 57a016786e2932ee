"""The query language of lists, the palette and the API: ``status = up and host = h1* sortby memory desc``.

``apply(noun, text, rows)`` is the one way in for those who only filter. docs/search.md has it for people.
"""

from datacenter.search.complete import Suggestion, complete, quoted
from datacenter.search.errors import QueryError
from datacenter.search.nouns import VOCABULARIES
from datacenter.search.offers import offered
from datacenter.search.parser import LONGEST, parse
from datacenter.search.translate import Reading, apply, order_by, read, unindexed
from datacenter.search.tree import Query, write

__all__ = [
    "LONGEST", "VOCABULARIES", "Query", "QueryError", "Reading", "Suggestion", "apply", "complete", "offered",
    "order_by", "parse", "quoted", "read", "unindexed", "write",
]  # fmt: skip
