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


class _Tables(NamedTuple):
    """What begins an anchor, and what goes on.

    `starts` marks the pairs of bytes that begin one. `pairs` hold one bit for each family of anchors that may have a
    pair at 0, 2, 4 or 6; `words` the families' anchors as (mask, value) of eight bytes, none where the pairs alone
    decide; `rules` the rule of each family.
    """

    starts: npt.NDArray[np.bool_]
    pairs: tuple[npt.NDArray[np.uint64], ...]
    words: dict[int, tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]
    rules: tuple[TextRule, ...]


def suspects(raw: bytes) -> Mapping[int, Sequence[TextRule]]:
    """Return, by index of the line in the block `raw`, the rules that it may break."""
    tables = _tables()
    padded = np.frombuffer(raw + bytes(_WORD), np.uint8)
    families, at = _candidates(padded, len(raw), tables)
    words: npt.NDArray[np.uint64] = np.ndarray((len(raw),), "<u8", padded.data, strides=(1,))
    held = words[at]
    for bit, (masks, values) in tables.words.items():
        chosen = np.flatnonzero(families & np.uint64(1 << bit))
        wrong = chosen[((held[chosen, None] & masks) != values).all(axis=1)]
        families[wrong] ^= np.uint64(1 << bit)
    kept = np.flatnonzero(families)
    if not len(kept):
        return {}
    feeds = np.flatnonzero(padded[: len(raw)] == ord("\n"))
    lines = np.searchsorted(feeds, at[kept])
    found: dict[int, int] = {}
    for line, family in zip(lines.tolist(), families[kept].tolist(), strict=True):
        found[line] = found.get(line, 0) | family
    return {line: _rules_of(family) for line, family in found.items()}


def _candidates(padded: npt.NDArray[np.uint8], size: int, tables: _Tables) -> tuple[npt.NDArray[np.uint64], Positions]:
    """Return positions where an anchor may begin, those at even places first, and the bits of its families."""
    found: list[tuple[npt.NDArray[np.uint64], Positions]] = []
    for start in (0, 1):
        pairs = padded[start : start + (len(padded) - start) // 2 * 2].view("<u2")
        at = np.flatnonzero(tables.starts.take(pairs[: (size - start + 1) // 2]))
        families = tables.pairs[0].take(pairs[at])
        for step in (1, 2, 3):
            families &= tables.pairs[step].take(pairs[at + step])
            real = np.flatnonzero(families)
            families, at = families[real], at[real]
        found.append((families, at * 2 + start))
    return np.concatenate([families for families, _ in found]), np.concatenate([at for _, at in found])


@cache
def _rules_of(families: int) -> tuple[TextRule, ...]:
    rules = _tables().rules
    return tuple(dict.fromkeys(rule for bit, rule in enumerate(rules) if families >> bit & 1))


@cache
def _tables() -> _Tables:
    pairs = tuple(np.zeros(1 << 16, np.uint64) for _ in range(4))
    words: dict[int, tuple[Any, Any]] = {}
    rules: list[TextRule] = []
    for rule in RULES:
        for literal, family in _families(rule):
            for anchor in family:
                for step, table in enumerate(pairs):
                    _mark(table, anchor, step * 2, len(rules))
            if literal:
                whole = [anchor[:_WORD] for anchor in family if isinstance(anchor, bytes)]
                values = np.frombuffer(b"".join(each.ljust(_WORD, b"\0") for each in whole), "<u8")
                masks = np.frombuffer(b"".join((b"\xff" * len(each)).ljust(_WORD, b"\0") for each in whole), "<u8")
                words[len(rules)] = masks, values
            rules.append(rule)
    return _Tables(pairs[0] != 0, pairs, words, tuple(rules))


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


def _mark(table: npt.NDArray[np.uint64], anchor: Anchor, at: int, bit: int) -> None:
    """Mark the pairs of bytes that an anchor may have at a place and the next; any, beyond its end."""
    low, high = (_choice(anchor[place : place + 1]) for place in (at, at + 1))
    grid = table.reshape(256, 256)  # row: the pair's second byte, column: its first
    grid[np.ix_(high, low)] |= np.uint64(1 << bit)


def _choice(place: Anchor) -> npt.NDArray[np.intp]:
    allowed = place if isinstance(place, bytes) else place[0] if place else b""
    return np.array(list(allowed) if allowed else range(256), np.intp)
