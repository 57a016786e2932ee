"""Which templates are painted live. The first paint in a page and every later one use the same file.

``"vm/row"`` is ``templates/vms/_row.html``; it gets its row under its noun (read by datacenter/rows.py) and nothing
else: no request, no user, so one paint serves all sockets. A fragment of a coarse noun ("counts/running") gets no
row and asks for what it shows by a template tag. Each has exactly one DOM id, on its one outermost element.
"""

#: "noun/part"; tests/live/test_fragments.py holds that each has its template
FRAGMENTS: frozenset[str] = frozenset(
    {
        "vm/row",
        "vm/header",
        "vm/summary",
        "vm/dirty",  # how fast it changes its memory, in the migrate dialog
        "vm/card",  # the migration under way, above the tabs; empty when there is none
        "host/row",
        "host/header",
        "host/summary",
        "host/cell",
        "host/maintenance",  # the card of the host page's tab
        "plan/row",
        "plan/header",
        "plan/verdict",  # how it goes, in words and figures
        "plan_host/head",  # over its column, on the page of a plan that runs
        "plan_move/tile",  # a VM on that page; static/js/board.js puts it into the column of the host it is on
        "plan_step/step",
        "migration/row",
        "migration/header",
        "migration/progress",
        "migration/knobs",
        "migration/phases",
        "migration/log",
        "migration/foretold",
        "migration/checks",
        "cluster/row",
        "counts/overview",
        "counts/running",
        "counts/maintenance",
        "counts/unheard",
    }
)

#: painted again every few seconds: they tell of time passing without a word from anybody
FOLLOWS_TIME: frozenset[str] = frozenset({"counts/unheard", "counts/maintenance"})

#: painted again, at most once a second, when figures of their row come, not only when the row changes
FOLLOWS_FIGURES: frozenset[str] = frozenset({"host/cell"})


def template_of(fragment: str) -> str:
    """``"vm/row"`` -> ``"vms/_row.html"``, ``"counts/running"`` -> ``"counts/_running.html"``."""
    noun, part = fragment.split("/")
    return f"{noun if noun.endswith('s') else noun + 's'}/_{part}.html"
