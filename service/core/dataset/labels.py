"""Which labels are other spellings of one: by capitals, blanks and marks, or by a slip of the pen."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

_NOISE = re.compile(r"[\W_]+")
_LEAD = re.compile(r"(?i)\A\W*(?:label|category|class|answer|intent|sentiment)\s?[:=]\s?(?=\S)")
_MANY = 300
_RARE = 0.34
_ABBREVIATED, _CUT = 0.1, 4
_LEAST_LENGTH, _LONG = 5, 9
_OPPOSITES = (
    "un",
    "in",
    "im",
    "ir",
    "il",
    "non",
    "dis",
    "a",
    "de",
    "fe",
    "pre",
    "anti",
    "mis",
    "re",
    "sub",
    "en",
    "ex",
)


def spellings(labels: Iterable[str]) -> int:
    """Return how many labels there are, whatever their capitals, blanks and marks."""
    return len({normal_of(label) for label in labels})


def variants_of(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield each label that is another's spelling, and that other, which occurs more often."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for label, count in counts.items():
        if normal := normal_of(label):
            groups.setdefault(normal, []).append((count, label))
    usual: dict[str, tuple[int, str]] = {}
    for normal, spellings in groups.items():
        spellings.sort(reverse=True)
        usual[normal] = (sum(count for count, _ in spellings), spellings[0][1])
        yield from ((label, spellings[0][1]) for _, label in spellings[1:])
    if len(usual) <= _MANY:
        yield from _slips(usual)


def normal_of(label: str) -> str:
    """Return a label without capitals, blanks, marks and what leads to it."""
    plain = unicodedata.normalize("NFKC", label) if not label.isascii() else label
    return _NOISE.sub("", _LEAD.sub("", plain)).casefold()


def _slips(usual: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, str]]:
    for normal, (count, label) in usual.items():
        right = [
            (other_count, other_label)
            for other, (other_count, other_label) in usual.items()
            if (other_count > 2 * count and count <= max(1, other_count * _RARE) and is_slip(normal, other))
            or (count <= max(1, other_count * _ABBREVIATED) and _is_cut(normal, other))
        ]
        if right:
            yield label, max(right)[1]


def is_slip(one: str, other: str) -> bool:
    """Whether two words in small letters differ by a letter or two as typing errors do, and not in their sense."""
    short, long = sorted((one, other), key=len)
    if len(short) < _LEAST_LENGTH or re.findall(r"\d", one) != re.findall(r"\d", other):
        return False
    if long.endswith(short) and long.removesuffix(short) in _OPPOSITES:
        return False
    return _distance(short, long) <= (2 if len(short) >= _LONG else 1)


def _is_cut(short: str, long: str) -> bool:
    """Whether a word is the other's first three or four letters, as in "pos" for "positive"."""
    return 2 < len(short) <= _CUT and len(long) >= len(short) + _CUT and short.isalpha() and long.startswith(short)


def _distance(one: str, other: str) -> int:
    """Return how many letters were added, left out, changed or swapped with their neighbour (optimal alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        now = [at]
        for place, right in enumerate(other, 1):
            cost = min(row[place] + 1, now[-1] + 1, row[place - 1] + (letter != right))
            if at > 1 and place > 1 and letter == other[place - 2] and one[at - 2] == right:
                cost = min(cost, before[place - 2] + 1)
            now.append(cost)
        before, row = row, now
    return row[-1]
