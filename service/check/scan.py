"""Finds the lines of a block that may break a rule of the texts, at memory speed and without Python's lock.

A line can break a rule only where it holds one of the rule's anchors. Every pair of bytes is looked up in a table that
says for which rules it may be the start of an anchor; what is left, a few positions in a thousand, is compared whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from service.core.dataset.rules import RULES, Anchor, TextRule

_WORD = 8
Positions = npt.NDArray[np.intp]
Families = npt.NDArray[np.uint64]


class _Tables(NamedTuple):
    """What begins an anchor, and what goes on: one bit for each family of anchors.

    `begins` holds the families that may begin with a byte, `places[n]` those that may have a pair of bytes at n;
    `words` are anchors as (mask, value) of eight bytes, none where the pairs alone decide; `rules` each family's rule.
    Of all families together, `marks` is 1 where a pair may stand at 0, 2 where it may at 1, `hot` true for either;
    `warm` is 1 where it may at 2.
    """

    hot: npt.NDArray[np.bool_]
    marks: npt.NDArray[np.uint8]
    begins: Families
    warm: npt.NDArray[np.uint8]
    places: tuple[Families, ...]
    words: dict[int, tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]
    rules: tuple[TextRule, ...]


def suspects(raw: bytes, feeds: Positions) -> Mapping[int, Sequence[TextRule]]:
    """Return, by index of the line in the block `raw`, the rules that it may break; line i ends at `feeds[i]`."""
    found: dict[int, int] = {}
    last = max(0, len(raw) - 4 * _WORD)
    for start, piece in ((0, raw), (last, raw[last:] + b" " * 2 * _WORD)):
        families, at = _candidates(piece)
        lines = np.searchsorted(feeds, at + start)
        for line, family in zip(lines.tolist(), families.tolist(), strict=True):
            found[line] = found.get(line, 0) | family
    return {line: _rules_of(family) for line, family in found.items() if line < len(feeds)}


def _candidates(raw: bytes) -> tuple[Families, Positions]:
    """Return the families of anchors that begin somewhere but in the last eight bytes, and where.

    Only every other pair is looked at: an anchor has one there at its place 0 or 1.
    """
    tables = _tables()
    places, pairs = tables.places, np.frombuffer(raw, "<u2", len(raw) // 2)
    octets = np.frombuffer(raw, np.uint8)
    hot = np.flatnonzero(tables.hot.take(pairs[: max(0, len(pairs) - 4)]))
    marks = tables.marks.take(pairs[hot])
    begin = hot[np.flatnonzero(marks & tables.warm.take(pairs[hot + 1]))]
    follow = hot[np.flatnonzero(marks & 2)]
    found: list[tuple[Families, Positions]] = []
    for at, shift in ((begin, 0), (follow, 1)):
        families = tables.begins.take(octets[at * 2 - shift])
        for place in range(shift, _WORD, 2):
            families &= places[place].take(pairs[at + place // 2])
            kept = np.flatnonzero(families)
            families, at = families[kept], at[kept]
        found.append((families, at * 2 - shift))
    families, at = (np.concatenate(each) for each in zip(*found, strict=True))
    return _confirmed(raw, families, at, tables)


def _confirmed(raw: bytes, families: Families, at: Positions, tables: _Tables) -> tuple[Families, Positions]:
    """Return what is left when whole anchors are compared."""
    if len(at):
        words: npt.NDArray[np.uint64] = np.ndarray((len(raw) - _WORD + 1,), "<u8", raw, strides=(1,))
        held = words[at]
        families[at < 0] = 0
        for bit, (masks, values) in tables.words.items():
            chosen = np.flatnonzero(families & np.uint64(1 << bit))
            wrong = chosen[((held[chosen, None] & masks) != values).all(axis=1)]
            families[wrong] ^= np.uint64(1 << bit)
    kept = np.flatnonzero(families)
    return families[kept], at[kept]


@cache
def _rules_of(families: int) -> tuple[TextRule, ...]:
    rules = _tables().rules
    return tuple(dict.fromkeys(rule for bit, rule in enumerate(rules) if families >> bit & 1))


@cache
def _tables() -> _Tables:
    places = tuple(np.zeros(1 << 16, np.uint64) for _ in range(_WORD))
    words: dict[int, tuple[Any, Any]] = {}
    rules: list[TextRule] = []
    for rule in RULES:
        for literal, family in _families(rule):
            for anchor in family:
                for place, table in enumerate(places):
                    _mark(table, anchor, place, len(rules))
            if literal:
                whole = [anchor[:_WORD] for anchor in family if isinstance(anchor, bytes)]
                values = np.frombuffer(b"".join(each.ljust(_WORD, b"\0") for each in whole), "<u8")
                masks = np.frombuffer(b"".join((b"\xff" * len(each)).ljust(_WORD, b"\0") for each in whole), "<u8")
                words[len(rules)] = masks, values
            rules.append(rule)
    at_0, at_1, at_2 = ((places[place] != 0).astype(np.uint8) for place in range(3))
    begins = np.bitwise_or.reduce(places[0].reshape(256, 256), axis=0)
    return _Tables((at_0 | at_1) != 0, at_0 | at_1 << 1, begins, at_2, places, words, tuple(rules))


def _families(rule: TextRule) -> Iterator[tuple[bool, list[Anchor]]]:
    """Yield anchors to be looked for under one bit: texts of about one length together, each choice alone."""
    texts = [anchor for anchor in rule.anchors if isinstance(anchor, bytes)]
    for _, family in groupby(sorted(texts, key=_steps), key=_steps):
        yield True, list(family)
    for anchor in rule.anchors:
        if not isinstance(anchor, bytes):
            yield False, [anchor]


def _steps(anchor: Anchor) -> int:
    return min(len(anchor), _WORD) // 2


def _mark(table: Families, anchor: Anchor, at: int, bit: int) -> None:
    """Mark the pairs of bytes that an anchor may have at a place and the next; any, beyond its end."""
    low, high = (_choice(anchor[place : place + 1]) for place in (at, at + 1))
    grid = table.reshape(256, 256)  # row: the pair's second byte, column: its first
    grid[np.ix_(high, low)] |= np.uint64(1 << bit)


def _choice(place: Anchor) -> npt.NDArray[np.intp]:
    allowed = place if isinstance(place, bytes) else place[0] if place else b""
    return np.array(list(allowed) if allowed else range(256), np.intp)
