"""Finds examples that say nearly the same: MinHash sketches propose pairs, the words themselves decide.

Source: Broder, "On the resemblance and containment of documents" (1997). Only an example's last question and its answer
are sketched, each by its beginning and end; what stands before them must be equal.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from service.check.alike import Example, differing, plain, same_answer
from service.check.compiled import native
from service.check.ends import Ends
from service.check.openings import Openings
from service.core.dataset.classes import NO_TEXT

LOOKED_AT = 20_000
"""Examples that are compared at most; the report says so where there are more."""

_HASHES, _BAND = 8, 4
_ALIKE = 0.75
_SKETCHED, _KEPT = 150, 1000
_HELD_CHARACTERS = 16_000_000
_USUAL = 0.05
_FEW = 1500
"""Examples of which each is compared with the three that are most like it, not only with those of its bands."""

_FEW_HASHES, _CLOSEST, _CLOSE = 64, 3, 0.45
_LEAST_ASKED = 3
_END, _LABEL = 40, 200
_LEAST_WRITTEN, _MARKS = 12, ".,;:!?\"'。、，！？…"
_FACTORS = np.random.default_rng(20261122).integers(1, 1 << 63, _FEW_HASHES, np.uint64) * np.uint64(2) + np.uint64(1)
_IN_WORD = np.array([byte >= 0x80 or chr(byte).isalnum() for byte in range(256)])
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
Sketches = npt.NDArray[np.uint64]


class NearRepeat(NamedTuple):
    """Two examples that say nearly the same; `first` comes earlier, or in the training split."""

    line: int
    first: int
    validation: bool
    leak: bool
    different: int


class Conflict(NamedTuple):
    """The lines of a split that answer the question of its line `first` otherwise."""

    first: int
    validation: bool
    lines: list[int]


class Compared(NamedTuple):
    """Near repeats by line, and questions with several answers."""

    repeats: list[NearRepeat]
    conflicts: list[Conflict]


class PromptSeen(NamedTuple):
    """A validation line that asks what the training line `first` asks; `leak` where it answers the same, too."""

    line: int
    first: int
    leak: bool


class NearIndex:
    """Keeps the first `looked_at` examples in mind, at most 16 million characters of them."""

    def __init__(self, pool: Executor, looked_at: int = LOOKED_AT) -> None:
        self._pool = pool
        self._looked_at = looked_at
        self._examples: list[Example] = []
        self._sketches: list[Sketches] = []
        self._held = 0
        self._compared: Future[Compared] | None = None
        self.complete = True
        self.openings: Openings | None = None
        """How conversations begin: noted where there is something to compare it with."""

    @property
    def examples(self) -> int:
        return len(self._examples)

    @property
    def hungry(self) -> bool:
        """Whether more examples are taken in."""
        return len(self._examples) < self._looked_at and self._held <= _HELD_CHARACTERS

    def add(self, said: Sequence[tuple[int, Ends]], *, validation: bool) -> None:
        """Take in examples by line, in order; those without a text of question and answer are left out."""
        if not self.hungry:
            self.complete = False
            return
        if self.openings is not None:
            self.openings.add(said, validation=validation)
        taken = [
            Example(line, validation, each.before, each.alone, *_kept(each.question, each.answer))
            for line, each in said
            if each.answer and each.answer is not NO_TEXT and each.question is not NO_TEXT
        ]
        if taken:
            self._examples += taken
            self._held += sum(len(each.question) + len(each.answer) for each in taken)
            self._sketches.append(_sketch([_outline(each) for each in taken]))
        if not self.hungry:
            self._compared = self._pool.submit(self._compare)

    def compared(self) -> Compared:
        """Return what comparing all examples shows; the pool does that as soon as no more are taken in."""
        return self._compare() if self._compared is None else self._compared.result()

    def _compare(self) -> Compared:
        return Compared([*self._repeats()], [*self._conflicts()])

    def _repeats(self) -> Iterator[NearRepeat]:
        """Yield near repeats by line. Where a file is made from templates, only those that differ in no word."""
        if len(self._examples) < 2:
            return
        few = len(self._examples) <= _FEW
        found: dict[int, NearRepeat] = {}
        for first, second in self._closest() if few else self._proposed():
            one, other = self._examples[first], self._examples[second]
            if second not in found and (different := differing(one, other)) is not None:
                leak = one.validation != other.validation
                found[second] = NearRepeat(other.line, one.line, other.validation, leak, different)
        worded = sum(repeat.different > 0 for repeat in found.values())
        usual = worded > max(3, len(self._examples) * _USUAL)
        for at in sorted(found):
            if not usual or not found[at].different:
                yield found[at]

    def _proposed(self) -> Iterator[tuple[int, int]]:
        """Yield pairs with few hashes alike, or with one end of the questions and the longest piece of the answers."""
        yield from _pairs(np.concatenate(self._sketches))
        keys = np.array([_ends_asked(each) for each in self._examples], np.int64).view(np.uint64)
        for column in keys.T:
            one, other = _neighbours(column)
            yield from zip(one.tolist(), other.tolist(), strict=True)

    def _closest(self) -> Iterator[tuple[int, int]]:
        """Yield each example with the earlier ones that are most like it, the likest first."""
        sketches = _sketch([_outline(each) for each in self._examples], _FEW_HASHES)
        for at in range(1, len(sketches)):
            alike = (sketches[:at] == sketches[at]).mean(axis=1)
            order = np.argsort(-alike, kind="stable")[:_CLOSEST]
            yield from ((place, at) for place in order[alike[order] >= _CLOSE].tolist())

    def _conflicts(self) -> Iterator[Conflict]:
        """Yield the questions that are asked in other writing and answered otherwise."""
        asked: dict[tuple[bool, int, str], list[Example]] = {}
        for each in self._examples:
            if len(each.answer) <= _LABEL and each.rest == (0, 0):
                written = _written(each.question)
                if len(written) >= _LEAST_WRITTEN:
                    asked.setdefault((each.validation, each.before, written), []).append(each)
        for (validation, _, _), (first, *others) in asked.items():
            lines = [
                each.line
                for each in others
                if each.question != first.question
                and _written(each.answer) != _written(first.answer)
                and not same_answer(each.answer, first.answer)
            ]
            if lines:
                yield Conflict(first.line, validation, lines)

    def answers_alike(self, line: int, first: int, *, validation: bool, leak: bool) -> bool:
        """Whether the answers of two examples with the same question say nearly the same.

        `line` is in the validation split or not; `first` in the same, or in the training split for a `leak`.
        """
        one, other = self._find(line, validation), self._find(first, validation and not leak)
        return one is not None and other is not None and same_answer(one.answer, other.answer)

    def _find(self, line: int, validation: bool) -> Example | None:
        at = bisect_left(self._examples, (validation, line), key=lambda each: (each.validation, each.line))
        found = self._examples[at] if at < len(self._examples) else None
        return found if found is not None and (found.validation, found.line) == (validation, line) else None

    def prompts_seen(self) -> Iterator[PromptSeen]:
        """Yield validation lines that ask what a training line asks in other writing, or under another system prompt.

        Those in other writing with the same answer are among the repeats.
        """
        held_out = [each for each in self._examples if each.validation]
        if not held_out:
            return
        asked: dict[tuple[int, ...], list[Example]] = {}
        for each in held_out:
            asked.setdefault(_asked(each), []).append(each)
        told: set[int] = set()
        for each in self._examples:
            if each.validation:
                break
            for again in asked.get(_asked(each), ()):
                if (again.before, again.question) == (each.before, each.question) or again.line in told:
                    continue
                same = plain(again.answer) == plain(each.answer)
                told.add(again.line)
                if not same or again.before != each.before:
                    yield PromptSeen(again.line, each.line, same)


def _asked(example: Example) -> tuple[int, ...]:
    """Return what two examples that ask the same have in common; a few words may be asked anywhere."""
    words = plain(example.question)
    return 0 if example.alone and len(words) >= _LEAST_ASKED else example.before, hash(tuple(words))


def _written(question: str) -> str:
    """Return a question without what is mere writing: capitals, blanks, and the marks at its ends."""
    return "".join(question.casefold().split()).strip(_MARKS)


def _ends_asked(example: Example) -> tuple[int, int]:
    """Return a number for the beginning of the question and one for its end, each with the longest piece of the answer:
    one of both stays where something is added to an example."""
    piece = max(example.answer.split(". "), key=len).rpartition("! ")[2].rstrip(".\n ")
    question = example.question.rstrip("?.! ")
    return hash((example.before, question[:_END].lower(), piece)), hash(
        (example.before, question[-_END:].lower(), piece)
    )


def _kept(question: str, answer: str) -> tuple[str, str, tuple[int, int]]:
    """Return both texts, of long ones beginning and end, and the hashes of what lies between."""
    if len(question) <= 2 * _KEPT >= len(answer):
        return question, answer, (0, 0)
    return _ends(question, _KEPT), _ends(answer, _KEPT), (hash(question[_KEPT:-_KEPT]), hash(answer[_KEPT:-_KEPT]))


def _ends(text: str, size: int) -> str:
    return text if len(text) <= 2 * size else f"{text[:size]} {text[-size:]}"


def _outline(example: Example) -> str:
    return f"{_ends(example.question, _SKETCHED)} {_ends(example.answer, _SKETCHED)}"


def _sketch(texts: Sequence[str], hashes: int = _HASHES) -> Sketches:
    """Return a row of the least hashes of each text's words, of which the first eight bytes count.

    In scripts without blanks a word begins at each character; each text gets one word more, so that it has any. The
    last column is the sum of all: it is equal where the words are, whatever their order.
    """
    told = [f"\0 {_folded(text)} a " for text in texts]
    if native is None:
        return _sketched([each.encode("utf-8", "surrogatepass") for each in told], hashes)
    octets = [each if each.isascii() else each.encode("utf-8", "surrogatepass") for each in told]
    rows = native.sketch(octets, _FACTORS[:hashes].tobytes())
    return np.frombuffer(rows, np.uint64).reshape(len(texts), hashes + 1)


def _sketched(texts: Sequence[bytes], hashes: int) -> Sketches:
    """Do what native/sketch.c does."""
    data = b"".join(texts) + bytes(8)
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
    starts = np.cumsum([0, *(len(each) for each in texts[:-1])])
    firsts = np.searchsorted(at, starts)
    least = [np.minimum.reduceat(shingles * factor, firsts) for factor in _FACTORS[:hashes]]
    return np.stack([*least, np.add.reduceat(shingles, firsts)], axis=1)


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()


def _pairs(sketches: Sketches) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows that share a band and three quarters of their sketch, or all, earlier row first."""
    proposed: set[tuple[int, int]] = set()
    for at in range(_HASHES):
        keys = np.zeros(len(sketches), np.uint64)
        for place in range(at, at + _BAND):
            keys = keys * _FACTORS[1] + sketches[:, place % _HASHES]
        one, other = _neighbours(keys)
        alike = (sketches[one, :_HASHES] == sketches[other, :_HASHES]).mean(axis=1) >= _ALIKE
        proposed.update(zip(one[alike].tolist(), other[alike].tolist(), strict=True))
    one, other = _neighbours(sketches[:, -1])
    proposed.update(zip(one.tolist(), other.tolist(), strict=True))
    yield from sorted(proposed)


def _neighbours(keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return pairs of rows with the same key that have none with that key between them."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    return order[same], order[same + 1]
