"""What the lines of one block leave to be done: texts to count, contexts to compare, answers to look at together."""

from typing import NamedTuple, Self

from service.check.duplicates import Keys
from service.check.ends import Ends
from service.core.dataset.spans import Spans


class Work(NamedTuple):
    """Examples of a block: example i has the line `lines[i]`, and the texts from `ends[i-1]` up to `ends[i]`."""

    spans: Spans
    keys: Keys
    lines: list[int]
    ends: list[int]
    said: list[Ends]

    @classmethod
    def begin(cls, encoding: str) -> Self:
        return cls(Spans(encoding), Keys([], [], []), [], [], [])

    def end(self, line: int, said: Ends) -> None:
        """Note that the texts of an example are complete."""
        self.lines.append(line)
        self.ends.append(len(self.spans.texts))
        self.said.append(said)
