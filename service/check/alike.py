"""Whether two examples say nearly the same: their words decide, whatever proposed the pair."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from operator import ne
from typing import NamedTuple

_MARGIN = 30
_MOST_DIFFERENT = 3
_MOST_ASKED_OTHERWISE, _MOST_ADDED = 6, 4
_SHORT_ANSWER, _TELLING_ANSWER, _TELLING_WORDS = 60, 20, 5
_LEAST_WORDS = 10
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_WIDE}]|[^\W{_WIDE}]+")
_NAMING = re.compile("[\u30a0-\u30ff\u3400-\u9fff]")
"""Katakana and Han: what differs in these is another thing, not another wording."""

_WITHIN = "abcdefghijklmnopqrstuvwxyz,;"
"""What stands before a blank within a sentence."""

_TURNS = frozenset(
    {"not", "no", "never", "without", "except", "least", "most", "cannot", "must", "could", "may", "true", "false"}
    | {"before", "after", "first", "last", "any", "all", "none", "if", "more", "less", "yes"}
)
"""Words that turn the sense of what is asked."""


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
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def differing(first: Example, second: Example) -> int | None:
    """Return in how many words two examples differ, None where they say different things.

    They may differ in nothing but writing, or in very few words that are no number, no name and do not turn the sense:
    in more of them where the answer is the same and tells something. A short answer must be the same: two questions
    with other labels are two examples, however alike they are.
    """
    if (first.before, first.rest) != (second.before, second.rest) or first.question == second.question:
        return None
    sizes = sorted(len(each.question) + len(each.answer) for each in (first, second))
    if sizes[1] - sizes[0] > _MARGIN + sizes[1] // 20:
        return None
    asked, asked_again = plain(first.question), plain(second.question)
    told, told_again = plain(first.answer), plain(second.answer)
    different = _different(
        [*asked, "|", *told],
        [*asked_again, "|", *told_again],
        " ".join((first.question, first.answer, second.question, second.answer)),
    )
    if not different:
        return different if asked or told else None
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


def same_answer(one: str, other: str) -> bool:
    """Whether two answers to one question differ in nothing but writing, or in a tenth of their words at most."""
    first, second = plain(one), plain(other)
    if first == second:
        return first != []
    words = min(len(first), len(second))
    different = _different(first, second, f"{one} {other}")
    return words >= _LEAST_WORDS and different is not None and different <= words // _LEAST_WORDS


def _different(one: Sequence[str], other: Sequence[str], text: str) -> int | None:
    """Return how many words differ, None where one of them is a number, a name or turns the sense."""
    if [word for word in one if not word.isalpha()] != [word for word in other if not word.isalpha()]:
        return None
    less, more = Counter(one) - Counter(other), Counter(other) - Counter(one)
    changed = less.keys() | more.keys()
    if _TURNS & changed or any(_is_name(word, text) for word in changed):
        return None
    different = max(less.total(), more.total())
    return max(different, sum(map(ne, one, other))) if len(one) == len(other) else different


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
