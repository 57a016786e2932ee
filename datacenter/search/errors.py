"""What is wrong with a query: where, and a sentence for the person who typed it."""


class QueryError(Exception):
    """``position`` and ``length`` (in characters) mark the part at fault; both lie inside the text."""

    def __init__(self, sentence: str, *, position: int = 0, length: int = 0) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.position = position
        self.length = length
