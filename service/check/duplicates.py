"""Finds examples that share a context, over both splits, in fixed-width records that spill to disk."""

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, NamedTuple, Self

import numpy as np
import numpy.typing as npt

_PARTS = 64
_WIDTH = 24
_HELD_BYTES = 4 << 20
_VALIDATION = 1 << 56

Records = npt.NDArray[np.int64]
"""Rows of context, target and place: the line, plus `_VALIDATION` for those of the validation split."""


class Keys(NamedTuple):
    """Of some examples, their contexts' hashes, their targets', and their lines."""

    contexts: list[int]
    targets: list[int]
    lines: list[int]

    def add(self, context: int, target: int, line: int) -> None:
        self.contexts.append(context)
        self.targets.append(target)
        self.lines.append(line)


def is_validation(place: int) -> bool:
    """Whether a record's place is in the validation split."""
    return place >= _VALIDATION


def line_of(place: int) -> int:
    """Return the line of a record's place."""
    return place % _VALIDATION


class Repeat(NamedTuple):
    """One line that repeats the context of an earlier one; `first` is the line that it repeats, in its own split or,
    for a leak, in the training split."""

    code: str
    line: int
    first: int
    validation: bool


class ContextIndex:
    """Records (context, target, line) of every example. Memory stays under 20 MB for any number of examples.

    Hashes have 64 bits: among ten million examples one in 370,000 files shows a repeat that is none.
    """

    def __init__(self) -> None:
        self._held: list[Records] = []
        self._held_bytes = 0
        self._spill: IO[bytes] | None = None
        self._segments: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spill is not None:
            self._spill.close()

    def add(self, keys: Keys, *, validation: bool) -> None:
        """Take in examples."""
        if keys.lines:
            self.add_columns(*(np.array(column, np.uint64).view(np.int64) for column in keys), validation=validation)

    def add_columns(
        self,
        contexts: npt.NDArray[np.int64],
        targets: npt.NDArray[np.int64],
        lines: npt.NDArray[np.int64],
        *,
        validation: bool,
    ) -> None:
        """Take in examples, a column for each of the fields of `Keys`."""
        records = np.empty((len(lines), 3), np.int64)
        records[:, 0], records[:, 1], records[:, 2] = contexts, targets, lines
        if validation:
            records[:, 2] += _VALIDATION
        self._held.append(records)
        self._held_bytes += len(records) * _WIDTH
        if self._held_bytes >= _HELD_BYTES:
            self._flush()

    def repeats(self) -> Iterator[Repeat]:
        """Yield every repeat, those of one context together."""
        for records in self.parts():
            yield from _repeats(records)

    def parts(self) -> Iterator[Records]:
        """Yield all records, those of one context in the same part."""
        if self._spill is None:
            if self._held:
                yield np.concatenate(self._held)
            return
        self._flush()
        for segments in self._segments:
            yield self._load(segments)

    def _flush(self) -> None:
        """Write what is held to the disk, sorted into parts by context."""
        if self._spill is None:
            self._spill = tempfile.TemporaryFile(prefix="tunewright-check-")  # noqa: SIM115 (closed by __exit__)
        if not self._held:
            return
        records = np.concatenate(self._held)
        parts = records[:, 0] & (_PARTS - 1)
        order = np.argsort(parts, kind="stable")
        records, bounds = records[order], np.searchsorted(parts[order], np.arange(_PARTS + 1))
        for part, segments in enumerate(self._segments):
            data = records[bounds[part] : bounds[part + 1]].tobytes()
            if data:
                segments.append((self._spill.seek(0, 2), len(data)))
                self._spill.write(data)
        self._held, self._held_bytes = [], 0

    def _load(self, segments: list[tuple[int, int]]) -> Records:
        assert self._spill is not None
        pieces: list[bytes] = []
        for offset, length in segments:
            self._spill.seek(offset)
            pieces.append(self._spill.read(length))
        return np.frombuffer(b"".join(pieces), np.int64).reshape(-1, 3)


def _repeats(records: Records) -> Iterator[Repeat]:
    """Yield the repeats among records that hold all of every context in them."""
    records = records[np.lexsort((records[:, 2], records[:, 0]))]
    same = np.flatnonzero(records[1:, 0] == records[:-1, 0])
    if not len(same):
        return
    breaks = np.flatnonzero(np.diff(same) > 1)
    starts = same[np.concatenate(([0], breaks + 1))]
    ends = same[np.concatenate((breaks, [len(same) - 1]))] + 2
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield from _compare(records[start:end, 1:].tolist())


def _compare(records: list[list[int]]) -> Iterator[Repeat]:
    """Compare target and place of one context's records, which come in order of split and line."""
    trained: dict[int, int] = {}
    seen: dict[int, int] = {}
    validation = False
    for target, place in records:
        if place >= _VALIDATION and not validation:
            trained, seen, validation = seen, {}, True
        line = place % _VALIDATION
        if validation and target in trained:
            yield Repeat("train_validation_leak", line, trained[target], True)
        elif validation and trained:
            yield Repeat("prompt_leak", line, next(iter(trained.values())), True)
        if target in seen:
            yield Repeat("duplicate_example", line, seen[target], validation)
        elif seen:
            yield Repeat("conflicting_answers", line, next(iter(seen.values())), validation)
        seen.setdefault(target, line)
