"""Operation `split`: whole groups go to validation, in a random order, until it has its share of every label."""

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from service.core.prepare.operations import Split
from service.prepare.alike import examined, keyed_repeats, same_prompt
from service.prepare.digest import Digest
from service.prepare.labels import Labels
from service.prepare.ledger import Ledger
from service.prepare.order import priorities
from service.prepare.rows import PrepareFailed, Row, Spool

Numbers = npt.NDArray[np.int32]
Places = npt.NDArray[np.intp]


class _Groups(NamedTuple):
    """By row, the first row of its group and the number of its label."""

    firsts: Numbers
    labels: Numbers


def split(rows: Iterator[Row], operation: Split, ledger: Ledger, pool: Executor) -> Iterator[Row]:
    """Yield all rows in order, those of the validation side with part 1. Raises PrepareFailed where a side is empty."""
    with Spool(rows) as spool:
        wanted = _wanted(operation, len(spool))
        groups = _groups(spool, operation, ledger, pool)
        chosen = _chosen(groups, wanted, operation.seed)
        got = int(chosen.sum())
        if not 0 < got < len(spool):
            raise PrepareFailed(
                "cannot_split",
                f"{len(spool):,} lines fall into {len(np.unique(groups.firsts)):,} groups of equal prompts, which "
                "can't be shared out as asked; set `group` to `none` to split them all the same",
            )
        if got != wanted:
            ledger.notes.append(f"{got:,} lines for validation, {wanted:,} were asked: groups are kept whole")
        for number, row in enumerate(spool):
            if chosen[number]:
                ledger.note("moved", row, "validation", "goes to validation")
            yield row._replace(part=int(chosen[number]))


def _wanted(operation: Split, lines: int) -> int:
    share = operation.validation
    wanted = share if isinstance(share, int) else max(1, int(lines * share + 0.5))
    if not 0 < wanted < lines:
        raise PrepareFailed("cannot_split", f"{lines:,} lines can't give {wanted:,} for validation and keep some")
    return wanted


def _groups(spool: Spool, operation: Split, ledger: Ledger, pool: Executor) -> _Groups:
    joined, labels, known = np.arange(len(spool), dtype=np.int32), np.zeros(len(spool), np.int32), Labels()
    with Digest(pool, near=operation.group == "near") as digest:
        for _, _, work in examined(spool, digest):
            labels[np.array(work.lines, np.intp) - 1] = known.add([each.answer for each in work.said])
        if operation.group != "none":
            for repeat in digest.contexts.repeats():
                _join(joined, repeat.line - 1, repeat.first - 1)
            for near in digest.near.compared().repeats:
                _join(joined, near.line - 1, near.first - 1)
            for number, first in enumerate(keyed_repeats(spool, same_prompt).tolist()):
                if first >= 0:
                    _join(joined, number, first)
        if operation.group == "near" and not digest.near.complete:
            ledger.notes.append(f"near duplicates were looked for among the first {digest.near.examples:,} rows")
    if not operation.stratify or known.counts() is None:
        labels[:] = 0
    for number in range(len(joined)):  # what stands before is settled: a row is joined to an earlier one
        joined[number] = joined[joined[number]]
    return _Groups(joined, labels)


def _first(joined: Numbers, number: int) -> int:
    while joined[number] != number:
        joined[number] = joined[joined[number]]
        number = int(joined[number])
    return number


def _join(joined: Numbers, one: int, other: int) -> None:
    first, second = sorted((_first(joined, one), _first(joined, other)))
    joined[second] = first


def _chosen(groups: _Groups, wanted: int, seed: int) -> npt.NDArray[np.bool_]:
    """Return the rows of validation: each label its share as near as whole groups allow, then what is missing."""
    firsts, sizes = np.unique(groups.firsts, return_counts=True)
    labels = groups.labels[firsts]
    order = np.argsort(priorities(len(groups.firsts), seed)[firsts], kind="stable")
    taken = np.zeros(len(firsts), np.bool_)
    left = wanted
    for members, quota in _quotas(order[np.argsort(labels[order], kind="stable")], labels, sizes, wanted):
        for at in members.tolist():
            if sizes[at] <= quota:
                taken[at] = True
                quota -= int(sizes[at])
                left -= int(sizes[at])
    for at in order.tolist():
        if not taken[at] and sizes[at] <= left:
            taken[at] = True
            left -= int(sizes[at])
    return np.isin(groups.firsts, firsts[taken])


def _quotas(order: Places, labels: Numbers, sizes: Places, wanted: int) -> Iterator[tuple[Places, int]]:
    """Yield the groups of each label and its share of what is wanted; largest remainders get what rounding leaves."""
    _, starts = np.unique(labels[order], return_index=True)
    by_label = np.split(order, starts[1:])
    lines = [int(sizes[members].sum()) for members in by_label]
    total = sum(lines)
    quotas = [count * wanted // total for count in lines]
    by_remainder = sorted(range(len(lines)), key=lambda label: (-(lines[label] * wanted % total), label))
    for label in by_remainder[: wanted - sum(quotas)]:
        quotas[label] += 1
    yield from zip(by_label, quotas, strict=True)
