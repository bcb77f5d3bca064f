"""Languages by the compiled part, and as Python tells them."""

import json
import random
import struct

import pytest

from service.check.compiled import native
from service.check.plain import PlainReaders
from service.check.reader import Block
from service.core.dataset.foreign import UNTOLD, language_of_answer
from service.core.dataset.languages import language_of
from service.core.dataset.tongue_words import COMMON

pytestmark = pytest.mark.skipif(native is None, reason="no compiled part")

WORDS = [word for listed in COMMON.values() for word in listed.split()]
OTHERS = [
    "Berlin",
    "42",
    "x",
    "foo_bar",
    "(",
    "e.g.",
    "l'eau",
    "K",
    "I",
    "a" * 40,
    "\x1c",
    "é",
    "日本",
    "ſ",
    "{",
    "the_of",
]


def texts(made: random.Random, number: int) -> list[str]:
    """Return texts of a language's words and others', of which some are long and some are nearly in two."""
    found: list[str] = []
    for _ in range(number):
        own = made.choice([*COMMON.values()]).split()
        ascii_only = made.random() < 0.8
        words = made.choices([own, WORDS, OTHERS], (6, made.randrange(4), made.randrange(4)), k=made.randrange(1, 90))
        text = " ".join(made.choice(each) for each in words)
        text = text.title() if made.random() < 0.2 else text
        found.append("".join(filter(str.isascii, text)) or "a" if ascii_only else text)
    return found


def test_languages_are_those_that_python_tells() -> None:
    made = random.Random(3)
    questions, answers = texts(made, 4000), texts(made, 4000)
    said = zip(questions, answers, strict=True)
    lines = [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
        for question, answer in said
    ]
    raw = b"\n".join(json.dumps(line).encode() for line in lines)
    plain = PlainReaders(None).read(Block(1, raw))
    told, unclear = plain.languages()
    found = {at: pair for pair, some in told.items() for at in some}
    assert len({language for language, _ in found.values()}) > len(COMMON) / 2
    assert sum(asked is None for _, asked in found.values()) > 100
    for at in range(len(plain)):
        line, question, answer = next(plain.exchanges((at,)))
        assert line == plain.lines[at]
        if at in found:
            language, asked = found[at]
            assert language == language_of_answer(answer), answer
            assert asked == UNTOLD or asked == language_of(question), question
        elif at not in unclear:
            assert language_of_answer(answer) is None, answer
    assert all(not plain.answer(at).isascii() for at in unclear)


def kin(number: int) -> bytes:
    return struct.pack(f"={number}I", *[0] * number)


def test_what_tells_no_languages_is_refused() -> None:
    assert native is not None
    for number in (0, 33):
        with pytest.raises(ValueError, match="1 to 32 languages"):
            native.Tongues(kin(number), {})
    for words in ({b"a": 4}, {b"": 1}, {b"a" * 16: 1}, {b"%d" % at: 1 for at in range(2049)}):
        with pytest.raises(ValueError, match="a word is too long"):
            native.Tongues(kin(2), words)
    for words in ({"a": 1}, {b"a": "1"}, {b"a": -1}, {b"a": 1 << 80}):
        with pytest.raises((TypeError, OverflowError)):
            native.Tongues(kin(2), words)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="a Found is expected"):
        native.Tongues(kin(2), {b"a": 3}).answers(b"")  # pyright: ignore[reportArgumentType]
