"""The characters that items of a pattern take, and their bytes in UTF-8."""

from collections.abc import Iterator
from re import _constants as op  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType, reportAttributeAccessIssue]
from typing import Any, Final

TOP: Final = 0x10FFFF
ASCII: Final = 0x7F
_LIKE: Final = {"i": "\u0130\u0131", "s": "\u017f", "k": "\u212a", "\u00e5": "\u212b", "\u03bc": "\u00b5"}
"""Letters beside lower and upper case that Python takes for the same where case is ignored."""

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
        elif kind is op.LITERAL:
            found.append((each, each))
        elif kind is op.RANGE:
            found.append(each)
        else:
            found += CLASSES[each]
    if not negated:
        return _cased(found, ignore_case)
    return _others([each for each in _cased(found, ignore_case) if each[1] - each[0] < ASCII or each[1] <= ASCII])


def ascii_in(code: Any, value: Any, ignore_case: bool) -> int:
    """Return the set of those ASCII characters that an item takes, and of no others."""
    members = [(code, value)] if code is not op.IN else [each for each in value if each[0] is not op.NEGATE]
    taken = 0
    for kind, each in members:
        for low, high in CLASSES[each] if kind is op.CATEGORY else [each if kind is op.RANGE else (each, each)]:
            taken |= span(low, min(high, ASCII)) if low <= ASCII else 0
    if ignore_case:
        for letter in range(ord("a"), ord("z") + 1):
            if taken >> letter & 1 or taken >> (letter - 32) & 1:
                taken |= 1 << letter | 1 << (letter - 32)
    negated = code is op.NOT_LITERAL or (code is op.IN and value[0][0] is op.NEGATE)
    return span(0, ASCII) & ~taken if negated else taken


def _cased(ranges: Ranges, ignore_case: bool) -> Ranges:
    if not ignore_case:
        return ranges
    signs = {chr(code) for low, high in ranges if high - low < 0x400 for code in range(low, high + 1)}
    signs |= {other for sign in signs for other in (sign.lower(), sign.upper(), *_LIKE.get(sign.lower(), ()))}
    return ranges + [(ord(sign), ord(sign)) for sign in signs if len(sign) == 1]


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
