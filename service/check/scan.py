"""Finds the lines of a block that may break a rule of the texts: a pass for each of two groups, without Python's lock.

The hints of a group are one automaton, so that a rule more costs next to nothing: 6 to 9 ms a MB by RE2 for both
groups on real text (measured on a busy machine; all hints in one automaton took 44 to 100).
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from service.core.dataset.rules import RULE_GROUPS, RULES, TextRule
from service.core.dataset.rules.rule import rule

try:
    import re2  # pyright: ignore[reportMissingTypeStubs]
except ImportError:  # no wheel for this platform: Python's own module reads the same patterns, many times slower
    re2: Any = None

_AUTOMATON_BYTES = 64 << 20
_ESCAPED = rule("control_token", "(?!)", "", hint=r"\\u00(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])")
"""Nobody writes letters or digits like this who does not want to hide them: such a line is read against all rules."""

_PIECE = 1 << 20
_MEMBER = int.from_bytes(b'":', "little")
_BACKSLASH = ord("\\")
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
    found: dict[int, Sequence[TextRule]] = {}
    for automaton in _automata():
        at = 0
        while (hit := automaton.search(raw, at)) is not None:
            line = bisect_left(ends, hit.start())
            start, at = ends[line - 1] + 1 if line else 0, ends[line] + 1
            found[line] = (*found.get(line, ()), *automaton.which(raw[start : ends[line]]))
            if at > len(raw):
                break
    return {line: RULES if _ESCAPED in rules else rules for line, rules in found.items()}


@cache
def _automata() -> tuple[_Automaton, ...]:
    words, numbers = RULE_GROUPS
    return _automaton((_ESCAPED, *words)), _automaton(numbers)


def _automaton(rules: Sequence[TextRule]) -> _Automaton:
    hints = [rule.hint.encode("ascii") for rule in rules]
    whole = b"|".join(b"(?:%b)" % hint for hint in hints)
    if re2 is None:
        singly = [re.compile(hint) for hint in hints]

        def tried(line: bytes) -> Sequence[TextRule]:
            return [rule for rule, one in zip(rules, singly, strict=True) if one.search(line)]

        return _Automaton(re.compile(whole).search, tried)
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _AUTOMATON_BYTES
    together = re2.Set.SearchSet(options)
    for hint in hints:
        together.Add(hint)
    together.Compile()

    def which(line: bytes) -> Sequence[TextRule]:
        return [rules[at] for at in sorted(together.Match(line) or ())]

    return _Automaton(re2.compile(whole, options).search, which)
