"""Whether two examples say nearly the same: their words decide, whatever proposed the pair."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from service.check.added import added, is_courtesy, says_nothing, stands_apart

_MARGIN, _PROBE = 30, 12
_MOST_DIFFERENT = 3
_MOST_ASKED_OTHERWISE, _MOST_ADDED = 6, 4
_SHORT_ANSWER, _TELLING_ANSWER, _TELLING_WORDS = 60, 20, 5
_LEAST_WORDS = 10
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_WIDE}]|[^\W{_WIDE}]+")
_ASCII_WORDS = bytes(ord(chr(code).lower() if re.match(r"(?a)\w", chr(code)) else " ") for code in range(256))
"""What makes of ASCII the words of `_WORD` with blanks between; four times as fast."""

_SIGN = re.compile(
    "[+*/=<>#%^&|~$\u20ac\u00a3\u00a5@\\\\]|(?<=\\d)\\s?-\\s?(?=\\d)|(?<![\\w.])-(?=\\d)|[\u2190-\u22ff\u2600-\u27bf\U0001f300-\U0001faff]"
)
_NAMING = re.compile("[\u30a0-\u30ff\u3400-\u9fff]")
"""Katakana and Han: what differs in these is another thing, not another wording."""

_WITHIN = "abcdefghijklmnopqrstuvwxyz,;"
"""What stands before a blank within a sentence."""

_TURNS = frozenset(
    {"not", "no", "never", "without", "except", "least", "most", "cannot", "must", "could", "may", "true", "false"}
    | {"before", "after", "first", "last", "any", "all", "none", "if", "more", "less", "yes"}
)
"""Words that turn the sense of what is asked."""


Words = tuple[Sequence[str], Sequence[str]]
"""Of a question and of an answer, or of two of either."""


class Example(NamedTuple):
    """An example to compare: `before` is the hash of all that stands before its last question, `rest` of what long
    texts hold between the beginning and the end that are kept. `alone` says that nothing but a system prompt does."""

    line: int
    validation: bool
    before: int
    alone: bool
    question: str
    answer: str
    rest: tuple[int, int]


def plain(text: str) -> list[str]:
    """Return a text's words whatever its capitals, blanks, marks and width of letters; in wide scripts, its signs."""
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS).decode().split()
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def differing(first: Example, second: Example) -> int | None:
    """Return in how many words two examples differ, None where they say different things.

    They may differ in nothing but writing, or in very few words that are no number, no name and do not turn the sense:
    in more of them where the answer is the same and tells something, or where they were added around the same text. A
    short answer must be the same: two questions with other labels are two examples, however alike they are.
    """
    if (first.before, first.rest) != (second.before, second.rest) or first.question == second.question:
        return None
    sizes = sorted(len(each.question) + len(each.answer) for each in (first, second))
    close = sizes[1] - sizes[0] <= _MARGIN + sizes[1] // 20
    if not close and not (_may_hold(first.question, second.question) and _may_hold(first.answer, second.answer)):
        return None
    asked, asked_again = plain(first.question), plain(second.question)
    told, told_again = plain(first.answer), plain(second.answer)
    if close:
        found = _differing_words(first, second, (asked, told), (asked_again, told_again))
        if found is not None:
            return found
    return _surrounded((first, second), (asked, asked_again), (told, told_again))


def _may_hold(one: str, other: str) -> bool:
    """Whether one text may stand within the other, whatever its writing: a word of its middle does."""
    less, more = sorted((one, other), key=len)
    middle = less[len(less) // 2 - _PROBE : len(less) // 2 + _PROBE].split(" ")
    return max(middle, key=len).lower() in more.lower()


def _differing_words(first: Example, second: Example, one: Words, other: Words) -> int | None:
    (asked, told), (asked_again, told_again) = one, other
    different = _different(
        [*asked, "|", *told],
        [*asked_again, "|", *told_again],
        " ".join((first.question, first.answer, second.question, second.answer)),
    )
    if not different:
        same = different == 0 and _signs(first) == _signs(second)
        return 0 if same and (asked or told) else None
    if told == told_again and len(told) >= _TELLING_WORDS and len(first.answer) >= _TELLING_ANSWER:
        less, more = Counter(asked), Counter(asked_again)
        most = min(_MOST_ASKED_OTHERWISE, max(1, min(len(asked), len(asked_again)) // 7))
        if less <= more or more <= less:  # "please tell me" before the same question
            most = max(most, _MOST_ADDED)
    else:
        words = max(len(asked) + len(told), len(asked_again) + len(told_again))
        most = min(_MOST_DIFFERENT, words // 20)
        if min(len(first.answer), len(second.answer)) < _SHORT_ANSWER and first.answer != second.answer:
            return None
    return different if different <= most else None


def _surrounded(examples: tuple[Example, Example], asked: Words, told: Words) -> int | None:
    """Return how many words were added around the question, the answer or both; None where more has changed."""
    around = [_added(*each) for each in (asked, told)]
    if None in around or _signs(examples[0]) != _signs(examples[1]):
        return None
    question, answer = (each or [] for each in around)
    text = " ".join(each.question for each in examples)
    if any(word != "i" and _is_name(word, text) for word in question):
        return None
    if answer:
        telling = is_courtesy(question) and says_nothing(answer) and stands_apart(*(each.answer for each in examples))
    elif len(told[0]) >= _TELLING_WORDS and len(examples[0].answer) >= _TELLING_ANSWER:
        telling = says_nothing(question)
    else:
        telling = is_courtesy(question)
    return len(question) + len(answer) if telling else None


def _added(one: Sequence[str], other: Sequence[str]) -> Sequence[str] | None:
    """Return what one text has around the other, nothing where both are the same."""
    return [] if one == other else added(*sorted((one, other), key=len))


def same_answer(one: str, other: str) -> bool:
    """Whether two answers to one question differ in nothing but writing, in a tenth of their words at most, or in what
    was added around one of them."""
    first, second = plain(one), plain(other)
    if first == second:
        return first != []
    words = min(len(first), len(second))
    different = _different(first, second, f"{one} {other}")
    if words >= _LEAST_WORDS and different is not None and different <= words // _LEAST_WORDS:
        return True
    around = _added(first, second)
    return around is not None and says_nothing(around) and stands_apart(one, other)


def _signs(example: Example) -> list[str]:
    """Return the signs that tell something: of sums, of money, of code, and pictures."""
    return _SIGN.findall(f"{example.question}\n{example.answer}")


def _different(one: Sequence[str], other: Sequence[str], text: str) -> int | None:
    """Return how many words differ, None where one of them is a number, a name or turns the sense."""
    if [word for word in one if not word.isalpha()] != [word for word in other if not word.isalpha()]:
        return None
    less, more = Counter(one) - Counter(other), Counter(other) - Counter(one)
    changed = less.keys() | more.keys()
    if _TURNS & changed or any(_is_name(word, text) for word in changed):
        return None
    different = max(less.total(), more.total())
    if len(one) != len(other):
        return different
    moved = [word for word, again in zip(one, other, strict=True) if word != again]
    return None if any(map(_NAMING.search, moved)) else max(different, len(moved))


def _is_name(word: str, text: str) -> bool:
    """Whether a word names something: written with a capital within a sentence, or in signs that names are made of."""
    if not word.isascii():
        return _NAMING.search(word) is not None
    name = f" {word.capitalize()}"
    at = text.find(name)
    while at >= 0:
        before, behind = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
        if before in _WITHIN and before and not (behind.isalnum() or behind == "_"):
            return True
        at = text.find(name, at + 1)
    return False
