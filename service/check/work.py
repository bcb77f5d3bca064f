"""What the lines of one block leave to be done: texts to count, contexts to compare, answers to look at together."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple, Self

from service.check.duplicates import Keys
from service.check.ends import Ends
from service.core.dataset.lines import Line
from service.core.dataset.spans import Spans
from service.core.dataset.texts import Voice, texts_of


class Heard:
    """What is said on lines, text by text, to be searched together."""

    __slots__ = ("_ends", "_lines", "texts", "voices")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.voices: list[Voice] = []
        self._lines: list[tuple[int, Line]] = []
        self._ends: list[int] = []

    def add(self, number: int, line: Line) -> None:
        """Take in the texts of a line."""
        for _, text, voice in texts_of(line):
            self.texts.append(text)
            self.voices.append(voice)
        self._lines.append((number, line))
        self._ends.append(len(self.texts))

    def place(self, at: int) -> tuple[int, str]:
        """Return the number of the line that says a text, and the text's path in it."""
        which = bisect_right(self._ends, at)
        number, line = self._lines[which]
        first = self._ends[which - 1] if which else 0
        path, _, _ = next(islice(texts_of(line), at - first, None))
        return number, path


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

    def end(self, line: int, said: Ends) -> None:
        """Note that the texts of an example are complete."""
        self.lines.append(line)
        self.ends.append(len(self.spans.texts))
        self.said.append(said)
