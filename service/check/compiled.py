"""The compiled part of the check, where there is one, with what it works on."""

import os
import struct
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from service.check import vocab
from service.check.patterns import Steps
from service.core.dataset.languages import are_kin
from service.core.dataset.rules import RULES, TextRule
from service.core.dataset.texts import Voice
from service.core.dataset.tongue_words import COMMON

if TYPE_CHECKING:
    from service.check._native import Program, Search, Tongues, Vocabulary

try:
    from service.check import _native as native
except ImportError:  # it was installed without a C compiler: everything is done in Python, many times slower
    native = None
else:
    native.seed(os.urandom(32))

_STATES = 8192
"""Of each automaton; all rules make some 4,000 on 200 MB of real text."""

_NUMBER_OF = {rule: number for number, rule in enumerate(RULES)}


@cache
def vocabulary(encoding: str) -> "Vocabulary":
    """Return an encoding's tokens; raises VocabularyDamaged, KeyError. Only where there is a compiled part."""
    assert native is not None
    return native.Vocabulary(vocab.read_packed(encoding), vocab.read_packed("classes"), encoding == "cl100k_base")


@cache
def tongues() -> "Tongues":
    """Return what tells languages as `languages.language_of` does, numbered as in COMMON."""
    assert native is not None
    words: dict[bytes, int] = {}
    for at, listed in enumerate(COMMON.values()):
        for word in filter(str.isascii, listed.split()):
            words[word.encode()] = words.get(word.encode(), 0) | 1 << at
    kin = [sum(1 << at for at, other in enumerate(COMMON) if are_kin(each, other)) for each in COMMON]
    return native.Tongues(struct.pack(f"={len(kin)}I", *kin), words)


def program(rules: Iterable[TextRule], *, backwards: bool = False) -> "Program":
    """Return what finds any of these rules."""
    assert native is not None
    steps = Steps.of(((_NUMBER_OF[rule], rule) for rule in rules), backwards=backwards)
    return native.Program(b"".join(struct.pack("=3I", *row) for row in steps.rows), b"".join(steps.sets))


@cache
def programs() -> tuple["Program", ...]:
    """Return what is looked for: keys, numbers, and the rest as each voice is heard.

    Three automata go through a text side by side. Keys and numbers in one would have four times the states of both.
    """
    apart = {code: [rule for rule in RULES if rule.code == code] for code in ("secret_detected", "personal_data")}
    heard = (("all",), ("all", "turns"), ("all", "turns", "answers"))
    return (
        *(program(rules) for rules in apart.values()),
        *(program(rule for rule in RULES if rule.within in within and rule.code not in apart) for within in heard),
    )


_idle: list["Search"] = []


@contextmanager
def searching() -> Generator["Search"]:
    """Lend what looks for all rules, to one thread; it is kept for the next, for what it has seen makes it quick."""
    assert native is not None
    try:
        search = _idle.pop()
    except IndexError:
        search = native.Search(programs(), _STATES)
    yield search
    _idle.append(search)


HEARD: dict[Voice, int] = {"system": 0b00111, "turn": 0b01011, "untaught": 0b01011, "answer": 0b10011}
"""Which of the programs look through a text, as bits."""


@lru_cache(maxsize=1024)
def rules_in(marks: int) -> Sequence[TextRule]:
    """Return the rules whose bits are set, in order."""
    found: list[TextRule] = []
    while marks:
        lowest = marks & -marks
        found.append(RULES[lowest.bit_length() - 1])
        marks ^= lowest
    return tuple(found)
