"""Reads a file in blocks of whole lines, with its hash, holding no more than one block and one line."""

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from service.check.compiled import native
from service.check.elide import LONG, elide

BLOCK_BYTES = 1 << 19
LINE_BYTES = 16 << 20
"""The longest line that is read, its images not counted: a million tokens fit, and no worker is hurt."""

TEXT_BYTES = 4 << 20
"""The longest line that is read where some character may need four bytes in memory; a million tokens fit."""


class Block(NamedTuple):
    """Whole lines with a line feed between each two; `first` is the number of the first, from 1. One that is `skipped`
    stands for a single line that is longer than is read."""

    first: int
    raw: bytes
    skipped: bool = False


class LineReader:
    """Iterates over a stream's blocks. After the end `sha256`, `size` and `lines` are those of the whole stream."""

    def __init__(self, stream: BinaryIO, progress: Callable[[int], None] | None = None) -> None:
        self._stream = stream
        self._progress = progress
        self._hash = hashlib.sha256()
        self.size = 0
        self.lines = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def drain(self) -> None:
        """Read the rest for the hash alone."""
        while self._read():
            pass

    def __iter__(self) -> Iterator[Block]:
        rest: list[bytes] = []
        held = 0
        skipping = elided = False
        while data := self._read():
            if skipping:
                _, feed, data = data.partition(b"\n")
                if not feed:
                    continue
                skipping = False
            cut = data.rfind(b"\n")
            if cut >= 0:
                raw = _without_images(b"".join((*rest, memoryview(data)[:cut])), elided)
                rest, held, elided = [data[cut + 1 :]], len(data) - cut - 1, False
                yield self._block(raw)
            else:
                rest.append(data)
                held += len(data)
                if held > LONG:
                    rest, elided = [elide(b"".join(rest))], True
                    held = len(rest[0])
            if held > LINE_BYTES:
                rest, held, skipping, elided = [], 0, True, False
                yield self._skipped()
        if held:
            yield self._block(_without_images(b"".join(rest), elided))

    def _block(self, raw: bytes) -> Block:
        first = self.lines + 1
        self.lines += 1 + (raw.count(b"\n") if native is None else native.count_feeds(raw))
        return Block(first, raw)

    def _skipped(self) -> Block:
        self.lines += 1
        return Block(self.lines, b"", skipped=True)

    def _read(self) -> bytes:
        data = self._stream.read(BLOCK_BYTES)
        if data:
            self._hash.update(data)
            self.size += len(data)
            if self._progress is not None:
                self._progress(self.size)
        return data


def _without_images(raw: bytes, elided: bool) -> bytes:
    """Return whole lines, the first without its images if it is long, or was before some were taken out."""
    end = raw.find(b"\n")
    end = len(raw) if end < 0 else end
    return elide(raw[:end]) + raw[end:] if elided or end > LONG else raw


def too_long(line: bytes) -> bool:
    """Whether a line, its images not counted, is longer than is read."""
    if len(line) <= TEXT_BYTES:
        return False
    return len(line) > LINE_BYTES or not line.isascii() or b"\\u" in line
