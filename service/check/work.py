"""What the lines of one block leave to be done: texts to count, contexts to compare, answers to look at together."""

from typing import NamedTuple, Self

from service.check.duplicates import Keys
from service.core.dataset.spans import Spans


class Work(NamedTuple):
    """A block's examples, waiting for their counts: example i has the texts from `ends[i-1]` up to `ends[i]`.

    `systems`, `questions` and `answers` hold each example's system prompt, what was asked last, and the answer: "", ""
    and None where it has none; `befores` the hash of all that stands before that question.
    """

    spans: Spans
    keys: Keys
    lines: list[int]
    ends: list[int]
    befores: list[int]
    systems: list[str]
    questions: list[str]
    answers: list[str | None]

    @classmethod
    def begin(cls, encoding: str) -> Self:
        return cls(Spans(encoding), Keys([], [], []), [], [], [], [], [], [])

    def end(self, line: int, before: int, system: str, question: str, answer: str | None) -> None:
        """Note that the texts of an example are complete."""
        self.lines.append(line)
        self.ends.append(len(self.spans.texts))
        self.befores.append(before)
        self.systems.append(system)
        self.questions.append(question)
        self.answers.append(answer)
