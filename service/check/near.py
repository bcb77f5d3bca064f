"""Finds examples that say nearly the same: MinHash sketches propose pairs, the words themselves decide.

Source: Broder, "On the resemblance and containment of documents" (1997). Only an example's last question and its answer
are sketched, each by its beginning and end; what stands before them must be equal.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from operator import ne
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LOOKED_AT = 20_000
"""Examples that are compared at most; the report says so where there are more."""

_HASHES, _BAND = 8, 4
_ALIKE = 0.75
_SKETCHED, _KEPT = 150, 1000
_HELD_CHARACTERS = 16_000_000
_SHORT_ANSWER, _MARGIN = 60, 30
_MOST_DIFFERENT = 3
_USUAL = 0.05
_TURNS = frozenset(
    {"not", "no", "never", "without", "except", "least", "most", "cannot", "must", "could", "may", "true", "false"}
    | {"before", "after", "first", "last", "any", "all", "none", "if", "more", "less", "yes"}
)
"""Words that turn the sense of what is asked."""

_WORD = re.compile(r"\w+")
_FACTORS = np.random.default_rng(20261122).integers(1, 1 << 63, _HASHES, np.uint64) * np.uint64(2) + np.uint64(1)
_IN_WORD = np.array([chr(byte).isalnum() or byte >= 0x80 for byte in range(256)])
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
Sketches = npt.NDArray[np.uint64]


class _Example(NamedTuple):
    line: int
    validation: bool
    before: int
    question: str
    answer: str
    rest: tuple[int, int]


class NearRepeat(NamedTuple):
    """Two examples that say nearly the same; `first` comes earlier, or in the training split."""

    line: int
    first: int
    validation: bool
    leak: bool
    different: int


class NearIndex:
    """Keeps the first `looked_at` examples in mind, at most 16 million characters of them."""

    def __init__(self, pool: Executor, looked_at: int = LOOKED_AT) -> None:
        self._pool = pool
        self._looked_at = looked_at
        self._examples: list[_Example] = []
        self._sketches: list[Future[Sketches]] = []
        self._held = 0
        self.complete = True

    @property
    def examples(self) -> int:
        return len(self._examples)

    def add(
        self,
        lines: Sequence[int],
        befores: Sequence[int],
        questions: Sequence[str],
        answers: Sequence[str | None],
        *,
        validation: bool,
    ) -> None:
        """Take in examples: line, a hash of all that stands before the last question, question, answer."""
        if len(self._examples) >= self._looked_at or self._held > _HELD_CHARACTERS:
            self.complete = False
            return
        taken = [
            _Example(line, validation, before, *_kept(question, answer))
            for line, before, question, answer in zip(lines, befores, questions, answers, strict=True)
            if answer
        ]
        if taken:
            taken.sort(key=lambda each: each.line)
            self._examples += taken
            self._held += sum(len(each.question) + len(each.answer) for each in taken)
            self._sketches.append(self._pool.submit(_sketch, [_outline(each) for each in taken]))

    def repeats(self) -> Iterator[NearRepeat]:
        """Yield near repeats by line. Where a file is made from templates, only those that differ in no word."""
        if len(self._examples) < 2:
            return
        sketches = np.concatenate([each.result() for each in self._sketches])
        found: dict[int, NearRepeat] = {}
        for first, second in _pairs(sketches):
            repeat = _compare(self._examples[first], self._examples[second])
            if repeat is not None:
                found.setdefault(second, repeat)
        worded = sum(repeat.different > 0 for repeat in found.values())
        usual = worded > max(3, len(self._examples) * _USUAL)
        for at in sorted(found):
            if not usual or not found[at].different:
                yield found[at]

    def answers_alike(self, line: int, first: int, *, validation: bool, leak: bool) -> bool:
        """Whether the answers of two examples with the same question differ in nothing but writing.

        `line` is in the validation split or not; `first` in the same, or in the training split for a `leak`.
        """
        one, other = self._find(line, validation), self._find(first, validation and not leak)
        return one is not None and other is not None and _plain(one.answer) == _plain(other.answer) != []

    def _find(self, line: int, validation: bool) -> _Example | None:
        at = bisect_left(self._examples, (validation, line), key=lambda each: (each.validation, each.line))
        found = self._examples[at] if at < len(self._examples) else None
        return found if found is not None and (found.validation, found.line) == (validation, line) else None

    def prompts_seen(self) -> Iterator[tuple[int, int]]:
        """Yield validation lines that ask what a training line asks in other writing, and answer something else."""
        held_out = [each for each in self._examples if each.validation]
        if not held_out:
            return
        asked: dict[tuple[int, ...], list[_Example]] = {}
        for each in held_out:
            asked.setdefault((each.before, hash(tuple(_plain(each.question)))), []).append(each)
        told: set[int] = set()
        for each in self._examples:
            if each.validation:
                break
            for again in asked.get((each.before, hash(tuple(_plain(each.question)))), ()):
                if again.question != each.question and again.line not in told:
                    told.add(again.line)
                    if _plain(again.answer) != _plain(each.answer):
                        yield again.line, each.line


def _kept(question: str, answer: str) -> tuple[str, str, tuple[int, int]]:
    """Return both texts, of long ones beginning and end, and the hashes of what lies between."""
    if len(question) <= 2 * _KEPT >= len(answer):
        return question, answer, (0, 0)
    return _ends(question, _KEPT), _ends(answer, _KEPT), (hash(question[_KEPT:-_KEPT]), hash(answer[_KEPT:-_KEPT]))


def _ends(text: str, size: int) -> str:
    return text if len(text) <= 2 * size else f"{text[:size]} {text[-size:]}"


def _outline(example: _Example) -> str:
    return f"{_ends(example.question, _SKETCHED)} {_ends(example.answer, _SKETCHED)}"


def _sketch(texts: list[str]) -> Sketches:
    """Return a row of the least hashes of each text's words, of which the first eight bytes count.

    In scripts without blanks a word begins at each character.
    """
    encoded = [f"\0 {text.lower()} ".encode("utf-8", "surrogatepass") for text in texts]
    data = b"".join(encoded) + bytes(8)
    held = np.frombuffer(data, np.uint8)[:-8]
    word = _IN_WORD.take(held)
    changes = np.flatnonzero(word[1:] != word[:-1]) + 1  # begin, end, begin, end…: no text begins or ends in a word
    at = np.concatenate((np.flatnonzero((held == 0) | (held >= 0xC0)), changes[::2]))
    at.sort()
    ends = changes[1::2]
    sizes = np.minimum(ends[np.minimum(np.searchsorted(ends, at, "right"), len(ends) - 1)] - at, 8)
    words: Sketches = np.ndarray((len(held),), "<u8", data, strides=(1,))
    shingles = words[at] & _MASKS.take(np.maximum(sizes, 0))
    shingles = (shingles ^ shingles >> np.uint64(32)) * _FACTORS[0]
    shingles ^= shingles >> np.uint64(29)
    starts = np.cumsum([0, *(len(each) for each in encoded[:-1])])
    firsts = np.searchsorted(at, starts)
    return np.stack([np.minimum.reduceat(shingles * factor, firsts) for factor in _FACTORS], axis=1)


def _pairs(sketches: Sketches) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that share a band and three quarters of their sketch, earlier row first."""
    proposed: set[tuple[int, int]] = set()
    for at in range(_HASHES):
        keys = np.zeros(len(sketches), np.uint64)
        for place in range(at, at + _BAND):
            keys = keys * _FACTORS[1] + sketches[:, place % _HASHES]
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
        one, other = order[same], order[same + 1]
        alike = (sketches[one] == sketches[other]).mean(axis=1) >= _ALIKE
        proposed.update(zip(one[alike].tolist(), other[alike].tolist(), strict=True))
    yield from sorted(proposed)


def _compare(first: _Example, second: _Example) -> NearRepeat | None:
    """Return the repeat if two examples differ in nothing but writing, or in very few words and in no number.

    A short answer must be the same: two questions with other labels are two examples, however alike they are.
    """
    if (first.before, first.rest) != (second.before, second.rest) or first.question == second.question:
        return None
    sizes = sorted(len(each.question) + len(each.answer) for each in (first, second))
    if sizes[1] - sizes[0] > _MARGIN + sizes[1] // 20:
        return None
    one, other = _words(first), _words(second)
    if not one or [word for word in one if not word.isalpha()] != [word for word in other if not word.isalpha()]:
        return None
    less, more = Counter(one) - Counter(other), Counter(other) - Counter(one)
    different = max(less.total(), more.total())
    if len(one) == len(other):
        different = max(different, sum(map(ne, one, other)))
    if different:
        words = max(len(one), len(other))
        most = min(_MOST_DIFFERENT, max(words // 100, words >= 20))
        short = min(len(first.answer), len(second.answer)) < _SHORT_ANSWER and first.answer != second.answer
        if different > most or short or _TURNS & (less | more).keys():
            return None
    return NearRepeat(second.line, first.line, second.validation, first.validation != second.validation, different)


def _words(example: _Example) -> list[str]:
    return _plain(f"{example.question} | {example.answer}")


def _plain(text: str) -> list[str]:
    """Return a text's words, whatever its capitals, blanks, marks and width of letters."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
