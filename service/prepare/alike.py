"""Rows that say the same: over all rows, in fixed-width indexes that spill to disk."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from service.check.duplicates import ContextIndex, Keys
from service.check.work import Work
from service.core.dataset.parse import NOT_READ
from service.core.dataset.values import Json, is_object
from service.core.prepare.keys import prompt_of, written_alike
from service.prepare.digest import Digest, batches
from service.prepare.rows import Row, Spool

Firsts = npt.NDArray[np.int32]
"""By row, the earlier row that it repeats, or -1."""

_decode = msgspec.json.Decoder().decode


def examined(spool: Spool, digest: Digest) -> Iterator[tuple[int, list[Row], Work]]:
    """Yield each batch with the number of its first row and what the digest made of it."""
    first = 0
    for batch in batches(iter(spool)):
        yield first, batch, digest.take([row.text for row in batch])
        first += len(batch)


def exact_repeats(spool: Spool, digest: Digest) -> Firsts:
    """Return which rows are the same example as an earlier one; those that are none are compared byte by byte."""
    firsts = np.full(len(spool), -1, np.int32)
    for first, batch, work in examined(spool, digest):
        read = {line - first - 1 for line in work.lines}
        others = Keys([], [], [])
        for at, row in enumerate(batch):
            if at not in read:
                others.add(*halves(row.text), first + at + 1)
        digest.contexts.add(others, validation=False)
    for repeat in digest.contexts.repeats():
        if repeat.code == "duplicate_example":
            firsts[repeat.line - 1] = repeat.first - 1
    return firsts


def keyed_repeats(spool: Spool, key: Callable[[Json], bytes]) -> Firsts:
    """Return which rows have the same key as an earlier one; a row that is no object has its bytes as its key."""
    firsts = np.full(len(spool), -1, np.int32)
    with ContextIndex() as index:
        number = 0
        for batch in batches(iter(spool)):
            keys = Keys([], [], [])
            for row in batch:
                number += 1
                keys.add(*halves(_keyed(row.text, key)), number)
            index.add(keys, validation=False)
        for repeat in index.repeats():
            if repeat.code == "duplicate_example":
                firsts[repeat.line - 1] = repeat.first - 1
    return firsts


def same_writing(line: Json) -> bytes:
    """Key of rows that differ in their writing alone."""
    return written_alike(line)


def same_prompt(line: Json) -> bytes:
    """Key of rows that ask the same, but for its writing."""
    return written_alike(prompt_of(line))


def halves(data: bytes) -> tuple[int, int]:
    """Return a 128-bit hash as two numbers."""
    return divmod(xxhash.xxh3_128_intdigest(data), 1 << 64)


def _keyed(data: bytes, key: Callable[[Json], bytes]) -> bytes:
    try:
        value: Any = _decode(data)
        return key(value) if is_object(value) else data
    except (*NOT_READ, UnicodeEncodeError):
        return data
