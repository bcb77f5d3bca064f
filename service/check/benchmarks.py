"""Finds texts of evaluation sets among training texts: runs of thirteen words, or whole shorter texts, by their hashes.

Source: Brown et al., "Language Models are Few-Shot Learners" (2020), appendix C. The user names the sets; none
is shipped.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

_RUN, _LEAST = 13, 8
_USUAL = 0.01
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""A word; in scripts without blanks, a character."""


class Overlap(NamedTuple):
    """Where a text of the training file stands in an evaluation set."""

    name: str
    line: int


class Benchmarks:
    """The runs of words of some evaluation sets, about 100 bytes each in memory."""

    def __init__(self) -> None:
        self._places: dict[int, Overlap] = {}
        self._sizes: set[int] = set()

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Self:
        """Read sets as JSON lines, every text in them, or as plain lines. Raises OSError, UnicodeDecodeError.

        What stands in more than one line of a hundred, a prompt that all share, is no text of the set's own.
        """
        made = cls()
        for path in paths:
            made._add(path)
        return made

    def _add(self, path: Path) -> None:
        places: dict[int, Overlap] = {}
        seen: Counter[int] = Counter()
        number = 0
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                runs = {run for text in _texts(line) for run in self._runs_of(text)}
                seen.update(runs)
                for run in runs:
                    places.setdefault(run, Overlap(path.name, number))
        most = max(3, number * _USUAL)
        self._places |= {run: place for run, place in places.items() if seen[run] <= most}

    def _runs_of(self, text: str) -> Iterator[int]:
        words = _words(text)
        size = min(_RUN, len(words))
        if size >= _LEAST:
            self._sizes.add(size)
            yield from _runs(words, size)

    def find(self, text: str) -> Overlap | None:
        """Return where a run of the text's words comes from, or None."""
        words = _words(text)
        for size in self._sizes:
            for run in _runs(words, size):
                if (place := self._places.get(run)) is not None:
                    return place
        return None


def _runs(words: Sequence[str], size: int) -> Iterator[int]:
    return (hash(tuple(words[at : at + size])) for at in range(len(words) - size + 1))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _texts(line: str) -> Iterator[str]:
    try:
        value: Any = msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        value = line
    left = [value]
    while left:
        each: Any = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            left += each.values()  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(each, list):
            left += each
