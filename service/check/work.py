"""What the lines of one block leave to be done: texts to count, contexts to compare, answers to look at together."""

from typing import NamedTuple, Self

from service.check.duplicates import Keys
from service.core.dataset.spans import Spans


class Work(NamedTuple):
    """A block's examples, waiting for their counts: example i has the texts from `ends[i-1]` up to `ends[i]`.

    `systems` and `answers` hold each example's system prompt and answer, "" and None where it has none.
    """

    spans: Spans
    keys: Keys
    lines: list[int]
    ends: list[int]
    systems: list[str]
    answers: list[str | None]

    @classmethod
    def begin(cls, encoding: str) -> Self:
        return cls(Spans(encoding), Keys([], [], []), [], [], [], [])

    def end(self, line: int, system: str, answer: str | None) -> None:
        """Note that the texts of an example are complete."""
        self.lines.append(line)
        self.ends.append(len(self.spans.texts))
        self.systems.append(system)
        self.answers.append(answer)
