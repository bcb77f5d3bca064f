"""Answers in another language than the rest of their file, or than their own question."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from service.core.dataset.classes import FileFinding
from service.core.dataset.code import is_code
from service.core.dataset.languages import are_kin, asks_for_language, language_of
from service.core.dataset.outliers import LONG, RARE, WIDE_LONG, Odd

LOOKED_AT = 20_000
"""Answers whose language is looked at; the report says so where there are more."""

_LEAST, _LEAST_ASKED = 10, 20
_ALWAYS, _MANY = 500, 0.95
"""Answers whose questions' language is looked at, and later on where fewer answers than this share are in one."""

_SHARE = 0.1
_STRUCTURED, _QUESTION, _WORD = "{[<`|", 20_000, re.compile(r"[^\W\d_]+")


Answered = tuple[int, str, str, str]
"""Line, system prompt, question and answer of an example."""

UNTOLD = ""
LanguagePair = tuple[str, str | None]
"""The language of an answer, and that of its question: None without one, `UNTOLD` where it is to be found out."""


def _none(_: Sequence[int]) -> Iterable[Answered]:
    return ()


class LanguageRules:
    """Compares the languages of answers and questions. Silent where the odd ones are too many to be mistakes."""

    def __init__(self) -> None:
        self._seen = self._known = self._asked = 0
        self._languages: dict[str, int] = {}
        self._foreign: dict[str, Odd] = {}
        self._usual = ""
        self._alike: dict[str, int] = {}
        self._unlike = Odd()
        self._told: dict[int, str] = {}

    @property
    def languages(self) -> dict[str, int]:
        """How many answers are in which language, the commonest first."""
        return dict(sorted(self._languages.items(), key=lambda each: (-each[1], each[0])))

    @property
    def wants_more(self) -> bool:
        """Whether the languages of more answers are looked at."""
        return self._seen <= LOOKED_AT

    def add(
        self,
        examples: int,
        answered: Iterable[Answered],
        told: Mapping[LanguagePair, Sequence[int]] = MappingProxyType({}),
        those: Callable[[Sequence[int]], Iterable[Answered]] = _none,
    ) -> None:
        """Take in so many examples, as long as more are wanted: some with their answers, and some by their languages,
        where these were told before; `those` gives their texts by their numbers."""
        self._seen += examples
        found = [(each, language) for each in answered if (language := language_of_answer(each[-1])) is not None]
        for language, number in (
            *((each, 1) for _, each in found),
            *((each, len(some)) for (each, _), some in told.items()),
        ):
            self._known += number
            self._languages[language] = self._languages.get(language, 0) + number
        self._usual = max(self._languages, key=lambda each: (self._languages[each], each), default="")
        compare = self._known <= _ALWAYS or self._languages[self._usual] < self._known * _MANY
        for each, language in found:
            if compare or language != self._usual:
                self._hold(each, language, language_of(each[2]), compare)
        for (language, asked), some in told.items():
            if asked == language and compare:
                self._note_alike(language, len(some))
            elif asked != language and (language != self._usual or (compare and asked is not None)):
                for each in those(some):
                    self._hold(each, language, language_of(each[2]) if asked == UNTOLD else asked, compare)

    def _hold(self, answered: Answered, language: str, asked: str | None, compare: bool) -> None:
        """Hold an answer against its question, and against the others."""
        line, system, question, answer = answered
        if asked == language:
            if compare:
                self._note_alike(language, 1)
            return
        strange = language != self._usual
        unlike = compare and asked is not None and not are_kin(asked, language)
        unasked = (strange or unlike) and _is_unasked(system, question, answer)
        if strange and unasked:
            self._foreign.setdefault(language, Odd()).add(line)
        if compare and asked is not None:
            self._asked += 1
        if unlike and unasked:
            self._unlike.add(line)
            if len(self._told) < LOOKED_AT:
                self._told[line] = f"the question is in {asked}, the answer in {language}"

    def _note_alike(self, language: str, number: int) -> None:
        self._asked += number
        self._alike[language] = self._alike.get(language, 0) + number

    def sampled(self) -> dict[str, str]:
        """Return what was looked at in a part of the split alone, and which part that was."""
        return {} if self.wants_more else {"mixed_language": f"the first {LOOKED_AT:,} examples"}

    def findings(self) -> Iterator[FileFinding]:
        """Yield what stands out; nothing for sets too small to tell."""
        strange = sum(odd.count for odd in self._foreign.values())
        foreign: set[int] = set()
        if self._known >= _LEAST and strange <= max(1, self._known * RARE):
            for language, odd in sorted(self._foreign.items()):
                for line in odd.lines if language != self._usual else ():
                    foreign.add(line)
                    told = f"the answer is in {language}, {self._languages[self._usual]} others are in {self._usual}"
                    yield FileFinding("mixed_language", line, None, told, ())
        several = sum(number >= self._asked * _SHARE for number in self._alike.values()) > 1
        if several and self._asked >= _LEAST_ASKED and self._unlike.rare_among(self._asked):
            for line in self._unlike.lines:
                if line not in foreign:
                    told = f"{self._told[line]}; others are answered in their own language"
                    yield FileFinding("mixed_language", line, None, told, ())


def language_of_answer(answer: str) -> str | None:
    """Return the language of an answer, None of those that are short or are data."""
    short = len(answer) < (LONG if answer.isascii() else WIDE_LONG)
    return None if short or answer[0] in _STRUCTURED else language_of(answer)


def _is_unasked(system: str, question: str, answer: str) -> bool:
    """Whether nobody asks for another language, and the answer is no program nor made of the question's words."""
    asks = asks_for_language(question) or asks_for_language(system)
    return not asks and not is_code(answer) and not _is_taken(question, answer)


def _is_taken(question: str, answer: str) -> bool:
    """Whether an answer, or half of its words, stands in the question: it works on what was given."""
    if len(question) > _QUESTION or answer.strip() in question:
        return True
    asked, told = set(_WORD.findall(question.casefold())), _WORD.findall(answer.casefold())
    return sum(word in asked for word in told) * 2 > len(told)
