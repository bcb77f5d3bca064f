"""What the lines of one block leave to be done: texts to count, contexts to compare, answers to look at together."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from service.check.duplicates import Keys
from service.check.ends import Ends
from service.core.dataset.lines import Line
from service.core.dataset.spans import Spans
from service.core.dataset.texts import Voice, texts_of

_MANY = 20_000
"""Texts that are kept to be searched: the short ones of one long line would take a lot of memory."""


class Heard:
    """What is said on lines, text by text, to be searched together; `numbers` are those of the lines."""

    __slots__ = ("numbers", "paths", "texts", "voices")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.voices: list[Voice] = []
        self.numbers: list[int] = []
        self.paths: list[str] = []

    def add(self, number: int, line: Line, full: Callable[[Self], None]) -> None:
        """Take in the texts of a line; wherever they become many, `full` has to search and clear them."""
        for path, text, voice in texts_of(line):
            self.texts.append(text)
            self.voices.append(voice)
            self.numbers.append(number)
            self.paths.append(path)
            if len(self.texts) >= _MANY:
                full(self)

    def clear(self) -> None:
        """Forget everything."""
        for each in (self.texts, self.voices, self.numbers, self.paths):
            each.clear()


class Work(NamedTuple):
    """Examples of a block: example i has the line `lines[i]`, and the texts from `ends[i-1]` up to `ends[i]`; and all
    that is `heard` on its lines, to be judged."""

    heard: Heard
    spans: Spans
    keys: Keys
    lines: list[int]
    ends: list[int]
    said: list[Ends]

    @classmethod
    def begin(cls, encoding: str, count: Callable[[Sequence[str]], int] | None = None) -> Self:
        """Begin without any line; see Spans for `count`."""
        return cls(Heard(), Spans(encoding, count), Keys([], [], []), [], [], [])

    def give_up(self) -> None:
        """Forget the texts behind the last example that is complete."""
        self.spans.cut(self.ends[-1] if self.ends else 0)

    def end(self, line: int, said: Ends) -> None:
        """Note that the texts of an example are complete."""
        self.lines.append(line)
        self.ends.append(len(self.spans.texts))
        self.said.append(said)
