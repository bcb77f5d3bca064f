"""Token counts on real text of many kinds and languages: ours and tiktoken's, text by text.

A plain run takes what the project itself has written, `make soak` 60 MB of what lies on the machine.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from bench.corpus import write_corpus
from service.check.tokens import counter_for, load_encoding
from service.core.dataset.lines import ChatLine

ROOT = Path(__file__).resolve().parents[2]
ENCODINGS = ["o200k_base", "cl100k_base"]
_TOGETHER, _PIECE = 2000, 500


def compared(texts: Iterable[str], encoding: str) -> int:
    """Compare the counts of texts; return how many bytes they have."""
    counter, exact = counter_for(encoding), load_encoding(encoding)
    assert counter is not None
    assert counter.compiled
    left, size = iter(texts), 0
    while some := list(islice(left, _TOGETHER)):
        assert counter.count_unverified(some) == [len(exact.encode_ordinary(text)) for text in some]
        size += sum(len(text.encode()) for text in some)
    return size


def written_here() -> Iterator[str]:
    for folder in ("docs", "tests/check", "service/core/dataset"):
        for path in sorted((ROOT / folder).rglob("*.[mp][dy]")):
            text = path.read_text("utf-8")
            yield from (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def said_in(path: Path) -> Iterator[str]:
    decode = msgspec.json.Decoder(ChatLine).decode
    with path.open("rb") as lines:
        for line in lines:
            yield from (each.content for each in decode(line).messages if isinstance(each.content, str))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_counts_are_tiktokens(encoding: str) -> None:
    assert compared(written_here(), encoding) > 200_000


@pytest.mark.soak
def test_counts_are_tiktokens_on_a_large_corpus(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    write_corpus(path, 75)
    for encoding in ENCODINGS:
        size = compared(said_in(path), encoding)
        print(f"{encoding}: {size / 1e6:.1f} MB of text, every count as tiktoken's")
        assert size > 50_000_000
