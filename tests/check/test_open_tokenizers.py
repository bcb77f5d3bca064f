"""Counts of open tokenizers equal the library's own, for every kind, short texts and long ones, in any thread."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.check import tokenizers
from service.check.lengths import TokenizerUnusable, UncountableText
from service.check.tokenizers import OpenTokens
from service.check.tokens import counter_for
from service.core.tokenizers import OpenTokenizer
from tests.check import trained
from tests.check.trained import CONTROLS, KINDS, found, reference

SAID = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
MIXED = st.lists(
    st.one_of(SAID, st.sampled_from([*CONTROLS, " ", "\n\n", "card", "naïve", "東京", "👍🏽"])), max_size=20
)


@pytest.fixture(scope="module")
def counters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OpenTokens]:
    return {kind: OpenTokens(found(tmp_path_factory.mktemp("t"), kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(parts=MIXED)
def test_any_text_counts_as_the_library_counts_it(counters: dict[str, OpenTokens], kind: str, parts: list[str]) -> None:
    text, library = "".join(parts), reference(kind)
    assert counters[kind].count([text, *parts]) == [
        len(library.encode(each, add_special_tokens=False).ids) for each in (text, *parts)
    ]


def long_texts() -> dict[str, str]:
    words = " ".join(trained.corpus()).split()
    chance = random.Random(7)
    prose = " ".join(chance.choice(words) for _ in range(6000))
    return {
        "prose": prose,
        "paragraphs": "\n\n".join(prose[at : at + 70] for at in range(0, 30_000, 70)),
        "program": Path(tokenizers.__file__).read_text("utf-8") * 3,
        "no blank": prose.replace(" ", "")[:30_000],
        "Japanese": "東京は日本の首都です。人口は約千四百万人で、世界最大級の都市である" * 900,
        "emoji": "🙂👍🏽" * 9000,
        "blanks": (" " * 37 + "x") * 800,
        "controls": "<|turn|>user\nhi<|over|>\n" * 1200,
    }


@pytest.mark.parametrize("name", long_texts())
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_cut_counts_as_a_whole(
    counters: dict[str, OpenTokens], kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = long_texts()[name]
    monkeypatch.setattr(tokenizers, "_PIECE", 3000)
    monkeypatch.setattr(tokenizers, "_WHOLE", 30_000)
    whole = reference(kind).encode(text, add_special_tokens=False)
    ranges = [(0, 10), (2990, 3010), (3500, 9000), (len(text) - 5, len(text))]
    assert counters[kind].count([text]) == [len(whole.ids)]
    told = counters[kind].places([text], [ranges])[0]
    assert told.total == len(whole.ids)
    for (first, end), (low, high) in zip(told.ranges, ranges, strict=True):
        inside = [at for at, (start, stop) in enumerate(whole.offsets) if stop > low and start < high]
        if inside and max(stop - start for start, stop in whole.offsets) < 1000:  # no word of unknown characters alone
            doubt = name == "blanks"  # a run of which nothing is left but one token: of which side it is, is anybody's
            assert abs(first - inside[0]) <= doubt
            assert abs(end - inside[-1] - 1) <= doubt


def test_what_is_one_word_to_the_tokenizer_is_not_held_in_memory_whole(
    counters: dict[str, OpenTokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenizers, "_PIECE", 3000)
    monkeypatch.setattr(tokenizers, "_WHOLE", 9000)
    with pytest.raises(UncountableText, match="12,000 characters as one word"):
        counters["pieces_always"].count(["a" * 12_000])


def test_many_threads_count_alike(counters: dict[str, OpenTokens]) -> None:
    texts = list(trained.corpus()) * 5
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: counters["byte_level"].count(texts), range(12)))
    assert all(each == counts[0] for each in counts)


def test_control_tokens_that_no_rule_knows_are_found(counters: dict[str, OpenTokens]) -> None:
    tokens = counters["byte_level"]
    assert tokens.control_in("a <s>struck</s> word") == "<s>"
    assert tokens.control_in("an <|over|> token") is None  # a rule of all texts reports it
    assert tokens.control_in("nothing") is None


BROKEN = {
    "nothing": b"",
    "no JSON": b"{",
    "another kind": b'{"model": {"type": "Nope", "vocab": {}}}',
    "no vocabulary": b'{"model": {"type": "BPE"}}',
    "a list": b"[]",
    "deep": b'{"model":' * 5000,
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=list(BROKEN))
def test_what_the_library_does_not_read_is_said_without_a_path(raw: bytes, tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "tokenizer.json"
    path.write_bytes(raw)
    with pytest.raises(TokenizerUnusable, match="does not read the model's tokenizer") as caught:
        counter_for("any", OpenTokenizer(file=str(path), sha256=hashlib.sha256(raw).hexdigest()))
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_has_changed_or_gone_counts_for_nobody(tmp_path: Path) -> None:
    known = found(tmp_path, "word_piece")
    Path(known.file).write_text(trained.text_of("unigram"), "utf-8")
    with pytest.raises(TokenizerUnusable, match="has changed since the start"):
        OpenTokens(known)
    Path(known.file).unlink()
    with pytest.raises(TokenizerUnusable, match="can't be read any more"):
        OpenTokens(known)


def test_without_the_extra_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = msgspec.structs.replace(found(tmp_path, "unigram"), sha256="0" * 64)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(TokenizerUnusable, match=r"pip install 'tunewright\[open\]'"):
        OpenTokens(known)


def test_nothing_is_asked_of_a_network(tmp_path: Path) -> None:
    known = found(tmp_path, "byte_level", trained.CHATML)
    program = (
        "import socket, sys, msgspec\n"
        "def refuse(*_, **__): raise SystemExit('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from service.check.tokens import counter_for\n"
        "from service.core.tokenizers import OpenTokenizer\n"
        "known = msgspec.json.decode(sys.argv[1], type=OpenTokenizer)\n"
        "assert counter_for(known.name, known).count('my card') > 0\n"
        "assert 'huggingface_hub' not in sys.modules\n"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program, msgspec.json.encode(known).decode()],
        env={**os.environ, "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, asked.stderr) == (0, "")
