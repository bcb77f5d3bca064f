"""Answers that stand out from the rest of their file: cut off or far too short."""

from bisect import insort
from collections.abc import Iterable, Iterator

from service.core.dataset.classes import NO_TEXT, FileFinding
from service.core.dataset.endings import CLOSED, ends_open
from service.core.dataset.stubs import is_mere_sign, is_stub

RARE = 0.05
"""Share of the examples up to which something is odd; beyond it is meant."""

ENDS_LOOKED_AT, _ENDS_MEANT = 20_000, 0.25
"""Long answers after which their ends are looked at no more if no mark closes so many of them: then none need be."""

_LEAST = 10
LONG, WIDE_LONG = 20, 8
_MOSTLY = 0.85
_SHORT = 4
_KEPT = 1000

Exchange = tuple[int, str, str]
"""Line, question and answer."""


class Odd:
    """The first lines of a kind, and how many there are."""

    __slots__ = ("count", "lines")

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[int] = []

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.lines) < _KEPT or line < self.lines[-1]:
            insort(self.lines, line)
            del self.lines[_KEPT:]

    def rare_among(self, number: int) -> bool:
        return 0 < self.count <= max(1, number * RARE)


class AnswerRules:
    """Compares the answers of a split with each other. Silent where the odd ones are too many to be mistakes."""

    def __init__(self) -> None:
        self.number = self._long = 0
        self._looked = self._looked_long = self._unclosed = 0
        self._ends_meant = False
        self._short = Odd()
        self._signs = Odd()
        self._open = Odd()
        self._cut = Odd()

    def add(self, line: int, question: str, answer: str | None) -> None:
        """Take in an example: line, what was asked last, and the answer (None leaves the line out)."""
        if answer is None or answer is NO_TEXT:
            return
        long = len(answer) >= LONG
        is_open = long and answer[-1] not in CLOSED
        told = ((line, question, answer),)
        self.add_many(1, int(long), told if is_open else (), () if long else told)

    def add_many(self, answers: int, long: int, unclosed: Iterable[Exchange], short: Iterable[Exchange]) -> None:
        """Take in answers, of which so many are long: the long ones that no mark closes, and all that are not long."""
        self.number += answers
        self._long += long
        if not self._ends_meant:
            self._looked += answers
            self._looked_long += long
            for line, question, answer in unclosed:
                self._unclosed += 1
                self._note_end(line, question, answer)
            many = self._looked_long > ENDS_LOOKED_AT
            self._ends_meant = many and self._unclosed > self._looked_long * _ENDS_MEANT
        for line, question, answer in short:
            self._note_short(line, question, answer.strip())

    def sampled(self) -> dict[str, str]:
        """Return what was looked at in a part of the split alone, and which part that was."""
        if self._looked == self.number:
            return {}
        return {"truncated_completion": f"the first {self._looked:,} examples"}

    def _note_end(self, line: int, question: str, answer: str) -> None:
        how = ends_open(answer, question)
        if how:
            self._open.add(line)
        if how == "surely":
            self._cut.add(line)

    def _note_short(self, line: int, question: str, answer: str) -> None:
        if is_mere_sign(answer, question):
            self._signs.add(line)
        elif len(answer) <= _SHORT and is_stub(answer, question):
            self._short.add(line)
        elif len(answer) > _SHORT and (" " in answer or not answer.isascii()) and ends_open(answer) == "surely":
            self._cut.add(line)

    def findings(self) -> Iterator[FileFinding]:
        """Yield what stands out; nothing for sets too small to tell."""
        if self.number < _LEAST:
            return
        yield from self._too_short()
        yield from self._cut_off()

    def _too_short(self) -> Iterator[FileFinding]:
        if self._signs.rare_among(self.number):
            for line in self._signs.lines:
                yield FileFinding("short_completion", line, None, "the answer has neither letter nor digit", ())
        if self._short.rare_among(self.number) and self._long >= self.number * _MOSTLY:
            for line in self._short.lines:
                told = f"the answer has a few letters, {self._long} of {self.number} have {LONG} or more"
                yield FileFinding("short_completion", line, None, told, ())

    def _cut_off(self) -> Iterator[FileFinding]:
        cut = set(self._cut.lines) if self._cut.rare_among(self._looked) else set[int]()
        if self._looked_long >= _LEAST and self._open.rare_among(self._looked_long):
            cut |= set(self._open.lines)
        for line in sorted(cut):
            yield FileFinding("truncated_completion", line, None, "the answer ends in mid-sentence", ())
