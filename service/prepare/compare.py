"""Compares two files line by line, in any order, by what they ask and what they answer."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

from service.check.duplicates import ContextIndex, Keys, Records, is_validation, line_of
from service.check.lengths import TokenizerUnusable, UncountableText
from service.check.tokens import CountsDiffer, counter_for
from service.core.dataset.profile import CheckProfile
from service.core.prepare.diff import LISTED, Comparison, LineChange, LineCounts, drift
from service.prepare.alike import halves
from service.prepare.digest import Digest, batches
from service.prepare.measure import Measure
from service.prepare.rows import PrepareFailed, Row, read_rows

Sides = tuple[list[tuple[int, int]], list[tuple[int, int]]]
"""Of one context, (target, line) in the old file and in the new one."""


class _Change(NamedTuple):
    """`was` and `now` are lines of the old and the new file, 0 where there is none."""

    was: int
    now: int


def compare(old: Path, new: Path, profile: CheckProfile) -> Comparison:
    """Return what is new, gone, changed and the same. Raises OSError, PrepareFailed for a line too long to be
    read, or where tokens can't be counted."""
    try:
        return _compare(old, new, profile, compiled=True)
    except CountsDiffer:
        return _compare(old, new, profile, compiled=False)
    except (TokenizerUnusable, UncountableText) as error:
        raise PrepareFailed("tokens_unknown", f"the tokens of {profile.model} can't be counted: {error}") from error


def _compare(old: Path, new: Path, profile: CheckProfile, *, compiled: bool) -> Comparison:
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2, "compare"))
        index = stack.enter_context(ContextIndex())
        counter = counter_for(profile.encoding, profile.tokenizer, compiled=compiled)
        measures = [stack.enter_context(Measure(pool, counter)) for _ in (old, new)]
        sums = [
            _take(path, stack.enter_context(Digest(pool)), index, measure, validation=path is new)
            for path, measure in zip((old, new), measures, strict=True)
        ]
        kinds: Counter[str] = Counter()
        first: dict[str, list[_Change]] = defaultdict(list)
        for records in index.parts():
            found = _changes(records)
            for kind, changes in found.items():
                kinds[kind] += len(changes)
                first[kind] = nsmallest(LISTED, (*first[kind], *changes), key=lambda each: each.was or each.now)
        before, after = (measure.figures() for measure in measures)
        return Comparison(
            lines=LineCounts(
                before=sums[0],
                after=sums[1],
                added=kinds["added"],
                removed=kinds["removed"],
                changed=kinds["changed"],
            ),
            same=kinds["same"],
            examples=tuple(_told(first)),
            before=before,
            after=after,
            drift=drift(before, after),
        )


def _take(path: Path, digest: Digest, index: ContextIndex, measure: Measure, *, validation: bool) -> int:
    """Take in a file; return how many lines it has."""
    lines = 0
    with path.open("rb") as stream:
        for batch in batches(read_rows(stream, 0)):
            work = digest.take([row.text for row in batch])
            index.add(_keys(batch, work.keys, lines), validation=validation)
            measure.take(batch)
            lines += len(batch)
    return lines


def _keys(batch: list[Row], read: Keys, before: int) -> Keys:
    """Return the keys of a batch by line of the file; lines that are no example have their bytes as their key."""
    keys = Keys(list(read.contexts), list(read.targets), [batch[line - before - 1].line for line in read.lines])
    known = set(keys.lines)
    for row in batch:
        if row.line not in known:
            keys.add(*halves(row.text), row.line)
    return keys


def _changes(records: Records) -> dict[str, list[_Change]]:
    contexts: dict[int, Sides] = defaultdict(lambda: ([], []))
    for context, target, place in records.tolist():
        contexts[context][is_validation(place)].append((target, line_of(place)))
    found: dict[str, list[_Change]] = {"same": [], "changed": [], "removed": [], "added": []}
    for old, new in contexts.values():
        left, right = _unmatched(old, new)
        found["same"] += [_Change(0, 0)] * (len(old) - len(left))
        pairs = min(len(left), len(right))
        found["changed"] += map(_Change, left[:pairs], right[:pairs])
        found["removed"] += [_Change(line, 0) for line in left[pairs:]]
        found["added"] += [_Change(0, line) for line in right[pairs:]]
    return found


def _unmatched(old: list[tuple[int, int]], new: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return the lines of each side whose answer the other side lacks."""
    counts = Counter(target for target, _ in new)
    left: list[int] = []
    for target, line in sorted(old, key=lambda each: each[1]):
        if counts[target]:
            counts[target] -= 1
        else:
            left.append(line)
    matched = Counter(target for target, _ in new) - counts
    right: list[int] = []
    for target, line in sorted(new, key=lambda each: each[1]):
        if matched[target]:
            matched[target] -= 1
        else:
            right.append(line)
    return left, right


def _told(first: dict[str, list[_Change]]) -> Iterator[LineChange]:
    for each in first["removed"]:
        yield LineChange(change="removed", line=each.was, code="removed", message="only in the first file")
    for each in first["changed"]:
        told = f"the same question as line {each.now} of the second file, another answer"
        yield LineChange(change="changed", line=each.was, code="changed", message=told)
    for each in first["added"]:
        yield LineChange(change="added", line=each.now, code="added", message="only in the second file")
