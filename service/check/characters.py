"""The characters that items of a pattern take, and their bytes in UTF-8."""

from collections.abc import Iterable, Iterator
from functools import cache
from re import _casefix as casefix  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType, reportAttributeAccessIssue]
from re import _constants as op  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType, reportAttributeAccessIssue]
from typing import Any, Final, cast

TOP: Final = 0x10FFFF
ASCII: Final = 0x7F
_CAPITALS: Final = {
    "i": "\u0130", "k": "\u212a", "\u00df": "\u1e9e", "\u00e5": "\u212b", "\u03b8": "\u03f4", "\u03c9": "\u2126",
}  # fmt: skip
"""Capitals of small letters beside those that they have by themselves."""

_WIDE: Final = 0x400
"""Characters of a range that are not looked at one by one."""

Ranges = list[tuple[int, int]]
_BLANKS: Final[Ranges] = [
    (9, 13), (28, 32), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
]  # fmt: skip
CLASSES: Final[dict[Any, Ranges]] = {
    op.CATEGORY_SPACE: _BLANKS,
    op.CATEGORY_NOT_SPACE: [(0, 8), (14, 27), (33, TOP)],
    op.CATEGORY_DIGIT: [(48, 57), (0x660, TOP)],
    op.CATEGORY_NOT_DIGIT: [(0, 47), (58, TOP)],
    op.CATEGORY_WORD: [(48, 57), (65, 90), (95, 95), (97, 122), (0xAA, TOP)],
    op.CATEGORY_NOT_WORD: [(0, 47), (58, 64), (91, 94), (96, 96), (123, TOP)],
}


def ranges_of(code: Any, value: Any, ignore_case: bool) -> Ranges:
    """Return the characters that an item takes, beyond ASCII perhaps more."""
    if code is op.ANY:
        return [(0, TOP)]
    if code is op.LITERAL:
        return _cased([(value, value)], ignore_case)
    if code is op.NOT_LITERAL:
        return _others(_cased([(value, value)], ignore_case))
    found: Ranges = []
    negated = False
    for kind, each in value:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.CATEGORY:
            found += CLASSES[each]
        else:
            found += _cased([each if kind is op.RANGE else (each, each)], ignore_case)
    if not negated:
        return found
    return _others([each for each in found if each[1] - each[0] < ASCII or each[1] <= ASCII])


def ascii_in(code: Any, value: Any, ignore_case: bool) -> int:
    """Return the set of those ASCII characters that an item takes, and of no others."""
    members = [(code, value)] if code is not op.IN else [each for each in value if each[0] is not op.NEGATE]
    taken = 0
    for sign in map(chr, range(ASCII + 1)):
        codes = [ord(each) for each in alike(sign)] if ignore_case else [ord(sign)]
        for kind, each in members:
            ranges = CLASSES[each] if kind is op.CATEGORY else [each if kind is op.RANGE else (each, each)]
            if any(low <= one <= high for low, high in ranges for one in (codes[:1] if kind is op.CATEGORY else codes)):
                taken |= 1 << ord(sign)
    negated = code is op.NOT_LITERAL or (code is op.IN and value[0][0] is op.NEGATE)
    return span(0, ASCII) & ~taken if negated else taken


@cache
def alike(sign: str) -> tuple[str, ...]:
    """Return a character and all that patterns take for it where case is ignored."""
    small = sign.lower()[:1]
    others = map(chr, cast(Any, casefix)._EXTRA_CASES.get(ord(small), ()))
    signs = {each for one in (small, *others) for each in (one, one.upper(), one.title(), *_CAPITALS.get(one, ()))}
    return (sign, *sorted(signs - {sign} - {each for each in signs if len(each) > 1}))


def _cased(ranges: Iterable[tuple[int, int]], ignore_case: bool) -> Ranges:
    found = list(ranges)
    for low, high in list(found) if ignore_case else ():
        if high - low < _WIDE:
            signs = {each for code in range(low, high + 1) for each in alike(chr(code))}
        else:
            signs = {
                chr(code) for code in range(ASCII + 1) if any(low <= ord(each) <= high for each in alike(chr(code)))
            }
            found.append((ASCII + 1, TOP))
        found += ((ord(sign), ord(sign)) for sign in signs)
    return found


def _others(ranges: Ranges) -> Ranges:
    found: Ranges = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return [*found, (start, TOP)] if start <= TOP else found


def span(low: int, high: int) -> int:
    return (1 << high + 1) - (1 << low)


def encoded(low: int, high: int) -> Iterator[list[tuple[int, int]]]:
    """Yield rows of byte ranges that together are the UTF-8 of `low` up to `high`, both beyond ASCII."""
    for first, last in ((0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, TOP)):
        if low <= last and high >= first:
            yield from _split_up(list(chr(max(low, first)).encode("utf-8", "surrogatepass")),
                                 list(chr(min(high, last)).encode("utf-8", "surrogatepass")))  # fmt: skip


def _split_up(low: list[int], high: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Yield rows of byte ranges between two encodings of the same length."""
    first, last = low[0], high[0]
    if len(low) == 1:
        yield [(first, last)]
        return
    rest = len(low) - 1
    if first == last:
        yield from ([(first, first), *row] for row in _split_up(low[1:], high[1:]))
        return
    if low[1:] != [0x80] * rest:
        yield from ([(first, first), *row] for row in _split_up(low[1:], [0xBF] * rest))
        first += 1
    if high[1:] != [0xBF] * rest:
        last -= 1
    if first <= last:
        yield [(first, last), *[(0x80, 0xBF)] * rest]
    if last < high[0]:
        yield from ([(high[0], high[0]), *row] for row in _split_up([0x80] * rest, high[1:]))
