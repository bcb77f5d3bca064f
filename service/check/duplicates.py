"""Finds examples that share a context, over both splits, in fixed-width records that spill to disk."""

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, NamedTuple, Self

_KEY = 16
_TARGET = 8
_WIDTH = 32
_PARTS = 64
_HELD_BYTES = 32 << 20
_VALIDATION = 1 << 56


class Repeat(NamedTuple):
    """One line that repeats the context of an earlier one; `first` is the line that it repeats, in its own split or,
    for a leak, in the training split."""

    code: str
    line: int
    first: int
    validation: bool


class ContextIndex:
    """Records (context, target, line) of every example. Memory stays under 50 MB for any number of examples.

    The context's hash has 128 bits; the target's, compared only within one context, 64.
    """

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(_PARTS)]
        self._held = 0
        self._spill: IO[bytes] | None = None
        self._segments: list[list[tuple[int, int]]] = [[] for _ in range(_PARTS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spill is not None:
            self._spill.close()

    def add(self, context: bytes, target: bytes, line: int, *, validation: bool) -> None:
        """Take in one example: 16 bytes of context, 8 of target."""
        place = line + _VALIDATION if validation else line
        self._parts[context[0] & (_PARTS - 1)] += context + target + place.to_bytes(8, "big")
        self._held += _WIDTH
        if self._held >= _HELD_BYTES:
            self._flush()

    def repeats(self) -> Iterator[Repeat]:
        """Yield every repeat, those of one context together."""
        for part in range(_PARTS):
            data = self._load(part)
            if len(data) <= _WIDTH:
                continue
            records = sorted(
                data[at : at + _KEY] + data[at + 24 : at + 32] + data[at + 16 : at + 24]
                for at in range(0, len(data), _WIDTH)
            )
            start = 0
            for at in range(1, len(records) + 1):
                if at == len(records) or records[at][:_KEY] != records[start][:_KEY]:
                    if at - start > 1:
                        yield from _compare(records[start:at])
                    start = at

    def _flush(self) -> None:
        if self._spill is None:
            self._spill = tempfile.TemporaryFile(prefix="tunewright-check-")  # noqa: SIM115 (closed by __exit__)
        for part, data in enumerate(self._parts):
            if data:
                self._segments[part].append((self._spill.seek(0, 2), len(data)))
                self._spill.write(data)
                data.clear()
        self._held = 0

    def _load(self, part: int) -> bytes:
        pieces: list[bytes] = []
        if self._spill is not None:
            for offset, length in self._segments[part]:
                self._spill.seek(offset)
                pieces.append(self._spill.read(length))
        return b"".join([*pieces, bytes(self._parts[part])])


def _compare(records: list[bytes]) -> Iterator[Repeat]:
    """Compare the records of one context, which come in order of split and line."""
    trained: dict[bytes, int] = {}
    seen: dict[bytes, int] = {}
    validation = False
    for record in records:
        place, target = int.from_bytes(record[_KEY : _KEY + 8], "big"), record[_KEY + 8 :]
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
