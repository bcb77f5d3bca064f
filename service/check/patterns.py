"""Turns patterns of texts into steps over their UTF-8 bytes, for the automata that look for all of them in one pass.

What is made matches wherever the pattern does, and perhaps elsewhere: assertions but for those at the beginning hold
everywhere, counts are held loosely, and a pattern ends at its first gap (`.{0,40}`), for an automaton that kept in mind
what came before a gap would grow without bound. Every match of the pattern begins where one of the steps' does.
"""

import re
from collections.abc import Iterable, Sequence
from re import _constants as op  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType, reportAttributeAccessIssue]
from re import _parser as parser  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType, reportAttributeAccessIssue]
from typing import Any, Final, NamedTuple, Self, cast

from service.check.characters import ASCII, TOP, Ranges, ascii_in, encoded, ranges_of, span
from service.core.dataset.rules import TextRule

_SPELT_OUT, _SPELT_OUT_FIRST, _LED = 8, 3, 3
"""Repetitions that are asked for one by one, behind so many characters and before, where every text has some: more of
them would make an automaton large."""

_GAP: Final = 8
"""Characters of nearly any kind in a row that make a gap."""


class _Bytes(NamedTuple):
    """One byte of a set, which is a number of 256 bits."""

    values: int


class _Row(NamedTuple):
    """Nodes one after the other."""

    nodes: list["_Node"]


class _Choice(NamedTuple):
    options: list["_Node"]


class _Again(NamedTuple):
    """A node any number of times."""

    node: "_Node"


class _Begin(NamedTuple):
    """The beginning of the text."""


class _Behind(NamedTuple):
    """The beginning of the text, or a byte of a set that is no part of a match."""

    values: int


_Node = _Bytes | _Row | _Choice | _Again | _Begin | _Behind
_NOTHING: Final = _Row([])
_EVERY: Final = (1 << 256) - 1


class Steps(NamedTuple):
    """A program for `_native.Automaton`: rows of kind, operand and next step, and sets of 32 bytes each."""

    rows: list[tuple[int, int, int]]
    sets: list[bytes]

    @classmethod
    def of(cls, rules: Iterable[tuple[int, TextRule]], *, backwards: bool = False) -> Self:
        """Return steps that look for what breaks rules, each given with its number below 128."""
        writer = _Writer()
        ends = [writer.node(_read(rule), writer.step(_FOUND, number, 0), backwards) for number, rule in rules]
        return cls(*writer.finished(ends))


_ON_BYTE, _SPLIT, _AT_BEGIN, _FOUND = range(4)


class _Writer:
    """Writes steps from the last to the first."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = [(0, 0, 0)]
        self._sets: dict[int, int] = {}
        self._known: dict[tuple[int, int, int], int] = {}

    def step(self, kind: int, operand: int, after: int) -> int:
        """Return the step's number; equal ones are one."""
        row = (kind, operand, after)
        if row not in self._known:
            self._known[row] = len(self._rows)
            self._rows.append(row)
        return self._known[row]

    def node(self, node: _Node, after: int, backwards: bool) -> int:
        """Return the step that a node begins with, where `after` follows it."""
        match node:
            case _Bytes(values):
                return self.step(_ON_BYTE, self._sets.setdefault(values, len(self._sets)), after)
            case _Row(nodes):
                for each in nodes if backwards else reversed(nodes):
                    after = self.node(each, after, backwards)
                return after
            case _Choice(options):
                return self.split([self.node(each, after, backwards) for each in options])
            case _Again(inner):
                self._rows.append((0, 0, 0))
                place = len(self._rows) - 1
                self._rows[place] = (_SPLIT, self.node(inner, place, backwards), after)
                return place
            case _Begin():
                return self.step(_AT_BEGIN, 0, after)
            case _Behind(values):
                begin = [self.node(_Begin(), after, backwards), self.node(_Bytes(values), after, backwards)]
                return after if backwards else self.split(begin)

    def split(self, ends: Iterable[int]) -> int:
        """Return a step that goes on with any of some steps."""
        first, *others = dict.fromkeys(ends)
        for each in others:
            first = self.step(_SPLIT, each, first)
        return first

    def finished(self, ends: Sequence[int]) -> tuple[list[tuple[int, int, int]], list[bytes]]:
        """Return all steps, the first of which leads to all `ends`, and the sets."""
        whole = self.split(ends)
        self._rows[0] = (_SPLIT, whole, whole)
        if self._finds_nothing():
            raise ValueError("a pattern matches where there is no text, or begins with a gap")
        return self._rows, [values.to_bytes(32, "little") for values in self._sets]

    def _finds_nothing(self) -> bool:
        """Whether some pattern matches before a byte was read: automata tell of none that begins so."""
        seen, left = set[int](), [0]
        while left:
            if (at := left.pop()) not in seen:
                seen.add(at)
                kind, operand, after = self._rows[at]
                if kind == _FOUND:
                    return True
                left += () if kind == _ON_BYTE else (operand, after) if kind == _SPLIT else (after,)
        return False


class _Read(NamedTuple):
    """What a part of a pattern may be: rows that end at a gap, where the whole pattern ends, and those read to their
    end, None where there is none."""

    ended: Sequence[_Node]
    whole: _Node | None


def _read(rule: TextRule) -> _Node:
    whole = rule.hint is not None
    pattern = rule.hint or rule.like or rule.pattern
    tree = cast(Any, parser).parse(pattern, re.IGNORECASE if rule.ignore_case else 0)
    found = _Reader(whole=whole).row(tree, rule.ignore_case, led=0)
    return _Choice([_shortened(each) for each in (*found.ended, found.whole) if each is not None])


class _Reader:
    """Reads patterns up to their gaps, or a hint as a whole."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def row(self, items: Any, ignore_case: bool, *, led: int) -> _Read:
        """Read one item after the other; `led` says how many stand before them."""
        nodes: list[_Node] = []
        ended: list[_Node] = []
        for at, (code, value) in enumerate(items):
            bound = _LED if nodes and isinstance(nodes[0], _Behind) else 0
            if not led + bound and (behind := _behind(items, at, ignore_case)) is not None:
                nodes.insert(0, behind)
                continue
            found = self._item(code, value, ignore_case, led=led + len(nodes) + bound)
            ended += [_Row([*nodes, each]) for each in found.ended]
            if found.whole is None:
                return _Read(ended, None)
            if found.whole != _NOTHING:
                nodes.append(found.whole)
        return _Read(ended, _Row(nodes))

    def _item(self, code: Any, value: Any, ignore_case: bool, *, led: int) -> _Read:
        if code in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return _Read([], _character(ranges_of(code, value, ignore_case)))
        if code is op.SUBPATTERN:
            _, more, less, items = value
            return self.row(items, (ignore_case or bool(more & re.IGNORECASE)) and not less & re.IGNORECASE, led=led)
        if code is op.ATOMIC_GROUP:
            return self.row(value, ignore_case, led=led)
        if code is op.BRANCH:
            options = [self.row(each, ignore_case, led=led) for each in value[1]]
            whole = [each.whole for each in options if each.whole is not None]
            return _Read([end for each in options for end in each.ended], _Choice(whole) if whole else None)
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, inner = value
            return self._times(int(least), int(most), inner, ignore_case, led=led)
        if code is op.AT:
            return _Read([], _Begin() if value is op.AT_BEGINNING_STRING else _NOTHING)
        if code in (op.ASSERT, op.ASSERT_NOT):
            return _Read([], _NOTHING)
        return _Read([_NOTHING], None)  # what refers to another group, and whatever else there may be

    def _times(self, least: int, most: int, items: Any, ignore_case: bool, *, led: int) -> _Read:
        if not self._whole and most >= _GAP and len(items) == 1 and _is_nearly_any(items[0], ignore_case):
            return _Read([_NOTHING], None)
        ended, whole = self.row(items, ignore_case, led=max(led, 1) if most > 1 else led)
        if whole is None:
            return _Read(ended, None if least else _NOTHING)
        if most > 1:
            ended = [_Row([_Again(whole), each]) for each in ended]
        most_spelt = least if self._whole else _SPELT_OUT if led >= _LED else _SPELT_OUT_FIRST
        spelt = min(least, most_spelt)
        if (least, most) == (0, 1):
            return _Read(ended, _Choice([whole, _NOTHING]))
        return _Read(ended, _Row([whole] * spelt + [_Again(whole)] * (spelt < least or most > least)))


def _behind(items: Any, at: int, ignore_case: bool) -> _Node | None:
    """Return what must stand before a pattern by an assertion at its beginning, or behind what its first characters are
    (`x(?<![a-z]x)`, which is quicker to search for); None where it is none of these, or holds for any text."""
    code, value = items[at]
    if code is op.AT and value is op.AT_BOUNDARY and not at and _begins_word(items[1:]):
        return _Behind(_EVERY & ~ascii_in(op.IN, [(op.CATEGORY, op.CATEGORY_WORD)], ignore_case))
    if code is not op.ASSERT_NOT or value[0] > 0 or len(value[1]) != at + 1 or list(value[1])[1:] != list(items)[:at]:
        return None
    first, what = value[1][0]
    if first not in (op.LITERAL, op.IN, op.NOT_LITERAL):
        return None
    return _Behind(_EVERY & ~ascii_in(first, what, ignore_case))


def _begins_word(items: Any) -> bool:
    """Whether all that a pattern matches begins with a letter, a digit or a low line."""
    if not len(items):
        return False
    code, value = items[0]
    if code is op.LITERAL:
        return chr(value).isalnum() or value == ord("_")
    if code is op.IN:
        return all(kind is op.LITERAL and _begins_word([(kind, each)]) for kind, each in value) or all(
            kind is op.RANGE and chr(each[0]).isalnum() and each[1] <= ASCII and chr(each[1]).isalnum()
            for kind, each in value
        )
    if code is op.SUBPATTERN:
        return _begins_word(value[3])
    if code is op.BRANCH:
        return all(_begins_word(each) for each in value[1])
    return code in (op.MAX_REPEAT, op.MIN_REPEAT) and value[0] > 0 and _begins_word(value[2])


def _is_nearly_any(item: Any, ignore_case: bool) -> bool:
    code, value = item
    if code is op.ANY or code is op.NOT_LITERAL:
        return True
    return (
        code is op.IN
        and sum(high - low for low, high in ranges_of(code, value, ignore_case)) > TOP // 2
        and (value[0][0] is op.NEGATE or (op.CATEGORY, op.CATEGORY_NOT_SPACE) in value)
    )


def _shortened(node: _Node) -> _Node:
    """Leave out what may or may not stand at the end."""
    if isinstance(node, _Row):
        nodes = list(node.nodes)
        while nodes and (isinstance(nodes[-1], _Again) or nodes[-1] == _NOTHING or _is_optional(nodes[-1])):
            nodes.pop()
        if nodes:
            nodes[-1] = _shortened(nodes[-1])
        return _Row(nodes)
    return _Choice([_shortened(each) for each in node.options]) if isinstance(node, _Choice) else node


def _is_optional(node: _Node) -> bool:
    match node:
        case _Again():
            return True
        case _Row(nodes):
            return all(map(_is_optional, nodes))
        case _Choice(options):
            return any(map(_is_optional, options))
        case _Bytes() | _Begin() | _Behind():
            return False


def _character(ranges: Ranges) -> _Node:
    """Return the bytes of any character of some ranges."""
    ascii_only = 0
    rows: list[_Node] = []
    for low, high in sorted(ranges):
        for code in range(low, min(high, ASCII) + 1):
            ascii_only |= 1 << code
        if high > ASCII:
            rows += [_Row([_Bytes(span(*each)) for each in row]) for row in encoded(max(low, 0x80), high)]
    if ascii_only:
        rows.insert(0, _Bytes(ascii_only))
    return rows[0] if len(rows) == 1 else _Choice(rows)
