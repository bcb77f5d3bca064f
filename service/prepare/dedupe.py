"""Operation `dedupe`."""

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np

from service.core.prepare.operations import Dedupe
from service.prepare.alike import Firsts, exact_repeats, examined, keyed_repeats, same_writing
from service.prepare.digest import Digest
from service.prepare.ledger import Ledger
from service.prepare.rows import Row, Spool

_TOLD = {
    "duplicate": "the same example as line {line}",
    "written_alike": "line {line} says the same in another writing",
    "nearly_alike": "line {line} says nearly the same",
}


def dedupe(rows: Iterator[Row], operation: Dedupe, ledger: Ledger, pool: Executor) -> Iterator[Row]:
    """Yield the first of each set of equal rows, in order."""
    with Spool(rows) as spool:
        with Digest(pool) as digest:
            found = {"duplicate": exact_repeats(spool, digest)}
        if operation.by != "exact":
            found["written_alike"] = keyed_repeats(spool, same_writing)
        if operation.by == "near":
            found["nearly_alike"] = _near_repeats(spool, pool, _repeated(found), ledger)
        lines = np.fromiter((row.line for row in spool), np.int64, len(spool))
        for number, row in enumerate(spool):
            code = next((code for code, firsts in found.items() if firsts[number] >= 0), None)
            if code is None:
                yield row
            else:
                ledger.note("removed", row, code, _TOLD[code].format(line=lines[found[code][number]]))


def _repeated(found: dict[str, Firsts]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.logical_or.reduce([firsts >= 0 for firsts in found.values()])


def _near_repeats(
    spool: Spool, pool: Executor, removed: np.ndarray[tuple[int], np.dtype[np.bool_]], ledger: Ledger
) -> Firsts:
    """Return near repeats among the rows that are left; looks again until what is left has none."""
    firsts = np.full(len(spool), -1, np.int32)
    while True:
        kept = np.flatnonzero(~removed & (firsts < 0))
        unique = (row for number, row in enumerate(spool) if not removed[number] and firsts[number] < 0)
        with Spool(unique) as left, Digest(pool, near=True) as digest:
            for _ in examined(left, digest):
                pass
            repeats = list(digest.near.compared().repeats)
        if not repeats:
            if not digest.near.complete:
                ledger.notes.append(f"near duplicates were looked for among the first {digest.near.examples:,} rows")
            return firsts
        for repeat in repeats:
            firsts[kept[repeat.line - 1]] = kept[repeat.first - 1]
