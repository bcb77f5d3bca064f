"""Conversations of both splits that begin alike: validation shows what training has seen, though their ends differ."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.check.ends import Ends, Opening
from service.core.dataset.classes import NO_TEXT

_HELD = 60_000
_LEAST, _LEAST_WIDE, _LEAST_WORDS = 20, 10, 4
_USUAL = 2
"""Ways in which conversations go on after the same opening, beyond which it is nobody's own."""


class Begun(NamedTuple):
    """A validation line that begins as the training line `first` does; `leak` where it is answered the same, too."""

    line: int
    first: int
    leak: bool


class _Seen(NamedTuple):
    line: int
    longer: bool
    after: set[int]


class Openings:
    """Keeps how training conversations begin, and which validation lines begin the same way."""

    def __init__(self) -> None:
        self._trained: dict[int, _Seen] = {}
        self._held_out: list[tuple[int, Opening]] = []

    def add(self, said: Sequence[tuple[int, Ends]], *, validation: bool) -> None:
        """Take in examples by line, those of training first."""
        for line, each in said:
            opening = _opening_of(each)
            if opening is None:
                continue
            if validation:
                if len(self._held_out) < _HELD:
                    self._held_out.append((line, opening))
            elif len(self._trained) < _HELD:
                for key in _keys(opening):
                    seen = self._trained.setdefault(key, _Seen(line, opening.next != "", set()))
                    if opening.next and len(seen.after) <= _USUAL:
                        seen.after.add(hash(opening.next))
                    if opening.next and not seen.longer:
                        self._trained[key] = seen._replace(longer=True)

    def begun(self) -> Iterator[Begun]:
        """Yield validation lines that begin as a training line does, but for those of one exchange each."""
        for line, opening in self._held_out:
            whole, asked = (self._trained.get(key) for key in _keys(opening))
            for seen, leak in ((whole, True), (asked, False)):
                if seen is not None and len(seen.after) <= _USUAL and (seen.longer or opening.next):
                    yield Begun(line, seen.line, leak)
                    break


def _keys(opening: Opening) -> tuple[int, int]:
    return hash((opening.question, opening.answer)), hash(opening.question)


def _opening_of(ends: Ends) -> Opening | None:
    """Return an opening that tells something: no mere greeting."""
    opening = ends.opening or (Opening(ends.question, ends.answer, "") if ends.alone and ends.answer else None)
    if (
        opening is None
        or NO_TEXT in (opening.question, opening.answer)
        or len(opening.answer) < (_LEAST if opening.answer.isascii() else _LEAST_WIDE)
    ):
        return None
    question = opening.question
    long = len(question) >= _LEAST and len(question.split()) >= _LEAST_WORDS
    return opening if long or (not question.isascii() and len(question) >= _LEAST_WIDE) else None
