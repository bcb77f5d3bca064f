"""Token counts: OpenAI's published numbers, and the compiled counter's equality with tiktoken on any text."""

import io
import itertools
import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import tiktoken_ext.openai_public as published
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.check import tokens, vocab
from service.check.engine import check_file
from service.check.tokens import TokenCounter, load_encoding
from service.check.vocab import classes
from tests.check.conftest import GOOD, Check, encoded, profile

ENCODINGS = ("cl100k_base", "o200k_base")
TRANSLATES = "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."
CONVERSATION = [
    ("system", None, TRANSLATES),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    (
        "system",
        "example_user",
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    ("system", "example_assistant", "Let's talk later when we're less busy about how to do better."),
    ("user", None, "This late pivot means we don't have time to boil the ocean for the client deliverable."),
]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}
ASKS = [
    ("system", None, "You are a helpful assistant that can answer to questions about the weather."),
    ("user", None, "What's the weather like in San Francisco?"),
]
POSITIVE = "You are a happy assistant that puts a positive spin on everything."
BANANA = "Eat a banana!"


def messages(turns: Sequence[tuple[str, str | None, str]]) -> list[dict[str, str]]:
    return [{"role": role, "content": text, **({"name": name} if name else {})} for role, name, text in turns]


def length(check: Check, line: dict[str, object], encoding: str, method: str = "supervised") -> int:
    report = check([line], method, encoding=encoding)
    assert report.tokens is not None
    return report.tokens.total


@pytest.mark.parametrize(("encoding", "expected"), [("cl100k_base", 129), ("o200k_base", 124)])
def test_example_conversation_of_the_cookbook(check: Check, encoding: str, expected: int) -> None:
    assert length(check, {"messages": messages(CONVERSATION)}, encoding) == expected


@pytest.mark.parametrize(("encoding", "expected"), [("cl100k_base", 105), ("o200k_base", 101)])
def test_tools_example_of_the_cookbook(check: Check, encoding: str, expected: int) -> None:
    assert length(check, {"messages": messages(ASKS), "tools": [WEATHER]}, encoding) == expected


@pytest.mark.parametrize(("encoding", "expected"), [("cl100k_base", [45, 28, 8032]), ("o200k_base", [43, 27, 8031])])
def test_toy_lines_of_the_cookbook(check: Check, encoding: str, expected: list[int]) -> None:
    lines = [
        [("system", POSITIVE), ("user", "I fell off my bike today."),
         ("assistant", "It's great that you're getting exercise outdoors!")],
        [("system", POSITIVE), ("assistant", "You're great!")],
        [("system", POSITIVE), ("user", "I'm hungry."), ("assistant", BANANA * 2000)],
    ]  # fmt: skip
    found = [
        length(check, {"messages": [{"role": role, "content": text} for role, text in turns]}, encoding)
        for turns in lines
    ]
    assert found == expected


def test_billing_cuts_at_the_limit(check: Check) -> None:
    line = {
        "messages": messages(
            [("system", None, POSITIVE), ("user", None, "I'm hungry."), ("assistant", None, BANANA * 2000)]
        )
    }
    report = check([line], limit=4096, encoding="cl100k_base")
    assert report.tokens is not None
    assert (report.tokens.total, report.tokens.billable, report.over_limit) == (8032, 4096, 1)
    assert report.tokens.trained is not None
    assert report.tokens.trained < 4096


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_definitions_are_tiktokens_own(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "load_tiktoken_bpe", lambda *_, expected_hash: {"hash": expected_hash})
    definition = published.ENCODING_CONSTRUCTORS[encoding]()
    assert tokens._DEFINITIONS[encoding] == (definition["pat_str"], definition["special_tokens"])
    assert definition["mergeable_ranks"] == {"hash": vocab.SHA256[encoding]}
    assert vocab.verify(encoding) == len(vocab.read_tokens(encoding))


def test_v4_a_damaged_vocabulary_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    vocab.check_shipped()
    monkeypatch.setitem(vocab.PACKED_SHA256, "cl100k_base", "0" * 64)
    with pytest.raises(vocab.VocabularyDamaged):
        vocab.read_tokens("cl100k_base")


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8")), max_size=8))
def test_counter_equals_tiktoken(encoding: str, texts: list[str]) -> None:
    reference = load_encoding(encoding)
    assert TokenCounter(encoding).count_many(texts) == [len(reference.encode_ordinary(text)) for text in texts]


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=300, deadline=None)
@given(text=st.from_regex(r"([ \t\r\n]|'(s|LL)|[a-zA-Z]|\d|ſ|İ|́|[一-七]|[;<|>_])+", fullmatch=True))
def test_counter_equals_tiktoken_where_the_pattern_is_intricate(encoding: str, text: str) -> None:
    assert TokenCounter(encoding).count(text) == len(load_encoding(encoding).encode_ordinary(text))


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(st.sampled_from(["a", "B", " ", " ", "7", "'s", "é", "\n", ".", "日", "12", "the"])).map("".join))
def test_pieces_of_a_text_have_its_tokens(encoding: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_PIECE", 3)
    whole = len(load_encoding(encoding).encode_ordinary(text))
    assert TokenCounter(encoding, compiled=False).count(text) == whole


def test_repeated_and_long_texts_are_counted_in_order() -> None:
    counter, reference = TokenCounter("o200k_base"), load_encoding("o200k_base")
    texts = [f"text {n % 7} " * (1 if n % 3 else 900) for n in range(200)]
    for _ in range(3):
        assert counter.count_many(texts) == [len(reference.encode_ordinary(text)) for text in texts]


def pieces() -> list[str]:
    """Every character that UTF-8 has, in places where its class decides."""
    codes = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    return [
        "".join(f"a{sign}B{sign}{sign} {sign}'s1{sign}\n{sign}.{sign}" for sign in codes[at : at + 64])
        for at in range(0, len(codes), 64)
    ]


SEAMS = [
    "a",
    "Z",
    "the",
    "THE",
    "Hello",
    "1",
    "23",
    "4567",
    "(",
    "((",
    ".",
    "/",
    "//",
    "_",
    "-",
    "'",
    "'s",
    "don't",
    "'RE",
]
SEAMS += ["''", "'ll", "s", "ve", "\x13", "é", "日本", "ſ", "\u0301", "٣", "{", "}", '"', ",", "\0", "\x1c"]
SEAMS += [" ", " ", "  ", "\n", "\n\n", "\r", "\t", "\v", "\u3000", " \n", "\n  \n"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_texts_of_all_lengths_are_cut_as_tiktoken_cuts_them_wherever_a_window_ends(encoding: str) -> None:
    made, counter, reference = random.Random(11), TokenCounter(encoding), load_encoding(encoding)
    texts = ["".join(made.choices(SEAMS, k=made.randrange(1, 70))) for _ in range(6000)]
    counts = [len(reference.encode_ordinary(text)) for text in texts]
    assert counter.count_unverified(texts) == counts


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_character_is_cut_as_tiktoken_cuts_it(encoding: str) -> None:
    reference, texts = load_encoding(encoding), pieces()
    assert TokenCounter(encoding).count_many(texts) == [len(reference.encode_ordinary(text)) for text in texts]


def test_classes_are_those_that_tiktoken_tells_apart() -> None:
    assert vocab.read_packed("classes") == classes.classes()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 70_000,
        "ab" * 30_000,
        "".join(random.Random(1).choices("abcdefghijklmnop", k=30_000)),
        "".join(random.Random(2).choices("日本語東京都人口", k=20_000)),
        "".join(random.Random(3).choices("ACGT", k=50_000)),
        "=" * 40_000 + "-" * 40_001,
        " " * 60_000 + "x",
        "\n" * 50_000,
        "12345" * 9_000,
        "".join(map(chr, range(0x20, 0x3000))),
    ],
    ids=lambda text: repr(text[:8]),
)
def test_long_pieces_are_merged_as_tiktoken_merges_them(encoding: str, text: str) -> None:
    assert TokenCounter(encoding).count(text) == len(load_encoding(encoding).encode_ordinary(text))


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=200, deadline=None)
@given(text=st.text("abeginorst", min_size=30, max_size=140))
def test_words_of_any_length_are_merged_as_tiktoken_merges_them(encoding: str, text: str) -> None:
    assert TokenCounter(encoding).count(text) == len(load_encoding(encoding).encode_ordinary(text))


class WrongCounter:
    """Counts one too many."""

    def __init__(self, _: object) -> None: ...

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(load_encoding("o200k_base").encode_ordinary(text)) + 1 for text in texts]


def test_a_counter_that_differs_is_dropped_for_the_whole_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "WORTH_IT", 0)
    monkeypatch.setattr(tokens, "RECOUNTED", 0.1)
    # a line that is not plain is counted apart from those that are
    lines = [GOOD["supervised"](at) | ({"tools": [WEATHER]} if at % 2 else {}) for at in range(400)]
    data = io.BytesIO(b"".join(encoded(line) + b"\n" for line in lines))
    honest = check_file(data, profile=profile())
    assert tokens.native is not None
    monkeypatch.setattr(tokens.native, "Counter", WrongCounter)
    data.seek(0)
    report = check_file(data, profile=profile())
    assert report.checked_with["accelerator"] is None
    assert honest.checked_with["accelerator"] is not None
    assert report.tokens == honest.tokens
    assert report.sha256 == honest.sha256


def test_threads_that_share_what_they_have_counted_count_as_tiktoken_does() -> None:
    made, counter, reference = random.Random(5), TokenCounter("o200k_base"), load_encoding("o200k_base")
    words = ["".join(made.choices("abcdefgh", k=made.randrange(3, 12))) for _ in range(40_000)]
    texts = [" ".join(made.choices(words, k=60)) for _ in range(4000)]
    expected = [len(reference.encode_ordinary(text)) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        parts = [pool.submit(counter.count_unverified, texts[at::4] * 2) for at in range(4)]
    for at, part in enumerate(parts):
        assert part.result() == expected[at::4] * 2


def test_some_texts_are_counted_again_once_there_were_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "WORTH_IT", 1000)
    monkeypatch.setattr(tokens, "RECOUNTED", 0.5)
    asked: list[str] = []
    monkeypatch.setattr(TokenCounter, "_count_by_reference", lambda _, texts: asked.extend(texts) or [len(texts[0])])
    counter = TokenCounter("o200k_base")
    counter.count_many(["word "] * 500)
    assert asked == []
    with pytest.raises(tokens.CountsDiffer):
        counter.count_many([f"{at} is a number" for at in range(100)])
    assert asked != []


def test_histogram_holds_every_example(check: Check) -> None:
    lines = [GOOD["supervised"](at) for at in range(200)]
    lines[7]["messages"][1]["content"] = json.dumps(list(range(900)))  # type: ignore[index]
    report = check(lines)
    assert report.tokens is not None
    bins = report.tokens.histogram
    assert sum(each.count for each in bins) == 200
    assert all(low.high + 1 == high.low for low, high in itertools.pairwise(bins))
    assert bins[0].low <= report.tokens.per_example.min
    assert bins[-1].high >= report.tokens.per_example.max
