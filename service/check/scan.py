"""Finds the lines of a block that may break a rule of the texts: a pass for each of four groups, without the GIL.

The hints of a group are one automaton, so that a rule more costs next to nothing: 5 to 13 ms a MB by RE2 for all
groups on real text (measured on a busy machine; all hints in one automaton took 44 to 100). What very many lines have,
addresses and long numbers, is found by comparing bytes, 2 to 3 ms a MB, and keeps off RE2, which stops at each such
line. Where RE2 is missing, Python's own module reads the same hints at some 100 kB a second.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from service.core.dataset.rules import RULE_GROUPS, RULES, TextRule
from service.core.dataset.rules.rule import Sign

try:
    import re2  # pyright: ignore[reportMissingTypeStubs]
except ImportError:  # no wheel for this platform: Python's own module reads the same patterns, many times slower
    re2: Any = None

_AUTOMATON_BYTES, _SET_BYTES, _SMALL_AUTOMATON_BYTES = 24 << 20, 8 << 20, 4 << 20
_ESCAPED = TextRule("control_token", "(?!)", "", hint=r"\\u00(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])")
"""Nobody writes letters or digits like this who does not want to hide them: such a line is read against all rules."""

_RANKS = {each: rank for rank, each in enumerate((_ESCAPED, *RULES))}
_SIGNS: dict[Sign, list[TextRule]] = {
    sign: [each for each in RULES if each.sign == sign] for sign in ("address", "number")
}
_PIECE = 1 << 20
_DIGITS = 13
_BEFORE_AT = np.array([chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "._%+-") for byte in range(256)])
_BEHIND_AT = np.array([chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) == "-") for byte in range(256)])
_MEMBER = int.from_bytes(b'":', "little")
_WITHIN = frozenset(bytes([byte]) for byte in range(0x80, 0xC0))
"""Bytes within a character."""

_BACKSLASH = ord("\\")
_AT = ord("@")
Positions = npt.NDArray[np.intp]


class Scan(NamedTuple):
    """What is known of a block before its lines are read: by index of the line, how many members its objects have in
    all, and which rules its texts may break."""

    members: Sequence[int]
    suspects: Mapping[int, Sequence[TextRule]]


class _Automaton(NamedTuple):
    """`search` finds the first place, from a position on, where a rule may be broken; `which` all rules of a line."""

    search: Callable[[bytes, int], Any]
    which: Callable[[bytes], Sequence[TextRule]]


def scan(raw: bytes, feeds: Positions) -> Scan:
    """Look through the block `raw`, whose line i ends at `feeds[i]`."""
    return Scan(members_of(raw, feeds), suspects(raw, feeds))


def members_of(raw: bytes, feeds: Positions) -> Sequence[int]:
    """Return how many members the objects of each line have in all."""
    octets = np.frombuffer(raw, np.uint8)
    members = np.zeros(len(feeds), np.intp)
    for start in range(0, len(raw), _PIECE):
        before = max(0, start - 1)
        ends = _member_ends(octets[before : start + _PIECE + 1]) + before
        members += np.bincount(np.searchsorted(feeds, ends), minlength=len(feeds))
    return members.tolist()


def _member_ends(octets: npt.NDArray[np.uint8]) -> Positions:
    """Return where the names of members end: `":` that no backslash stands before, anywhere but at the beginning."""
    halves = [octets[skip : len(octets) - (len(octets) - skip) % 2].view("<u2") for skip in (1, 2)]
    at = np.concatenate([np.flatnonzero(half == _MEMBER) * 2 + skip for skip, half in enumerate(halves, 1)])
    return at[octets[at - 1] != _BACKSLASH]


def suspects(raw: bytes, feeds: Positions) -> Mapping[int, Sequence[TextRule]]:
    """Return, by index of the line, the rules that it may break."""
    ends = feeds.tolist()
    found: dict[int, list[TextRule]] = {}
    for sign, rules in _SIGNS.items():
        for line in lines_with(sign, raw, feeds):
            found.setdefault(line, []).extend(rules)
    for automaton in _automata():
        at = 0
        while (hit := automaton.search(raw, at)) is not None:
            line = bisect_left(ends, hit.start())
            start, at = ends[line - 1] + 1 if line else 0, ends[line] + 1
            found.setdefault(line, []).extend(automaton.which(raw[start : ends[line]]))
            if at > len(raw):
                break
    return {line: _in_order(rules) for line, rules in found.items()}


def _in_order(rules: Sequence[TextRule]) -> Sequence[TextRule]:
    """Return suspected rules, each once, as they stand in RULES."""
    if len(rules) == 1 and rules[0] is not _ESCAPED:
        return rules
    ranked = sorted(set(rules), key=_RANKS.__getitem__)
    return RULES if ranked[0] is _ESCAPED else ranked


def lines_with(sign: Sign, raw: bytes, feeds: Positions) -> Sequence[int]:
    """Return the indexes of the lines that have a sign, in order."""
    find = _addresses if sign == "address" else _numbers
    octets = np.frombuffer(raw, np.uint8)
    lines: set[int] = set()
    for start in range(0, len(raw), _PIECE):
        before = max(0, start - _DIGITS)
        at = find(octets[before : start + _PIECE]) + before
        lines.update(np.searchsorted(feeds, at).tolist())
    return sorted(lines)


def _addresses(octets: npt.NDArray[np.uint8]) -> Positions:
    """Return where an at sign stands behind what ends a name and before what begins a host."""
    at = np.flatnonzero(octets[1:-1] == _AT) + 1
    return at[_BEFORE_AT[octets[at - 1]] & _BEHIND_AT[octets[at + 1]]]


def _numbers(octets: npt.NDArray[np.uint8]) -> Positions:
    """Return where thirteen digits in a row begin."""
    runs = octets - ord("0") < 10
    for size in (1, 2, 4, 5):
        runs = runs[:-size] & runs[size:]
    return np.flatnonzero(runs)


def _places(rule: TextRule, text: str) -> Callable[[int], int | None]:
    """Return what finds the first place from one on where a match of a rule may begin; asked for ever later places."""
    octets = text.encode("utf-8", "surrogatepass")
    search = _search_of(rule.in_text or "")
    place = at = 0

    def place_from(start: int) -> int | None:
        nonlocal place, at
        look = at = at + len(text[place:start].encode("utf-8", "surrogatepass"))
        place = start
        while look <= len(octets) and (hit := search(octets, look)) is not None:
            look = hit.start()
            if octets[look : look + 1] not in _WITHIN:
                place += len(octets[at:look].decode("utf-8", "surrogatepass"))
                at = look
                return place
            look += 1
        return None

    return place_from


places = _places if re2 is not None else None
"""For `check_texts`: a rule's pattern is slow, RE2 finds where it need be tried."""


@cache
def _search_of(pattern: str) -> Callable[[bytes, int], Any]:
    return re2.compile(pattern.encode("ascii"), _options(_SMALL_AUTOMATON_BYTES)).search


def _options(size: int) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = size
    return options


@cache
def _automata() -> tuple[_Automaton, ...]:
    words, *others = RULE_GROUPS
    return _automaton((_ESCAPED, *words)), *(_automaton([each for each in group if each.in_line]) for group in others)


def _automaton(rules: Sequence[TextRule]) -> _Automaton:
    hints = [rule.in_line.encode("ascii") for rule in rules]
    whole = b"|".join(b"(?:%b)" % hint for hint in hints)
    if re2 is None:
        singly = [re.compile(hint) for hint in hints]

        def tried(line: bytes) -> Sequence[TextRule]:
            return [rule for rule, one in zip(rules, singly, strict=True) if one.search(line)]

        return _Automaton(re.compile(whole).search, tried)
    together = re2.Set.SearchSet(_options(_SET_BYTES))
    for hint in hints:
        together.Add(hint)
    together.Compile()

    def which(line: bytes) -> Sequence[TextRule]:
        found: Sequence[int] = together.Match(line) or ()  # nothing where RE2 gave up, for want of memory
        return [rules[at] for at in sorted(found)] if found else list(rules)

    return _Automaton(re2.compile(whole, _options(_AUTOMATON_BYTES)).search, which)
