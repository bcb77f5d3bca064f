"""Which sources are taken, how they are shown, and when a failing one is given up."""

import pytest

from service.core.addresses import AddressPolicy
from service.core.sources import (
    LONGEST_S,
    MOST_TRIES,
    BadSource,
    Source,
    SourceFailed,
    SourceWish,
    name_of,
    next_try_s,
    parse_source,
    shown,
)

FOLDERS = ("s3://data/sets", "gs://data/", "az://box/a/")
HUB = "https://hub.example"


def parsed(url: str) -> Source:
    return parse_source(url, AddressPolicy(), FOLDERS, HUB)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://x.example/a.jsonl?sig=1", "https://x.example/a.jsonl?sig=1"),
        ("hf://datasets/o/n/a.jsonl", f"{HUB}/datasets/o/n/resolve/main/a.jsonl"),
        ("hf://datasets/o/n@v1.0/d/a.jsonl", f"{HUB}/datasets/o/n/resolve/v1.0/d/a.jsonl"),
        ("hf://datasets/o/n@refs/pr/7/a.jsonl", f"{HUB}/datasets/o/n/resolve/refs%2Fpr%2F7/a.jsonl"),
        ("hf://datasets/o/n/a b?#%.jsonl", f"{HUB}/datasets/o/n/resolve/main/a%20b%3F%23%25.jsonl"),
        ("S3://data/sets/x/a.jsonl", "s3://data/sets/x/a.jsonl"),
        ("gs://data/a", "gs://data/a"),
        ("az://box/a/b", "az://box/a/b"),
    ],
)
def test_sources_that_are_taken(url: str, asked: str) -> None:
    assert parsed(url).url == asked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "a.jsonl",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://x.example/a",
        "memory:///a",
        "http://x.example/a",
        "https://",
        "https://localhost/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://0x7f000001/a",
        "https://169.254.169.254/a",
        "https://x.internal/a",
        "https://u:p@x.example/a",
        "https://x.example/a#b",
        "https://x.example:22/a",
        "https://x.example/a b",
        "https://x.example/" + "a" * 3_000,
        "hf://o/n/a.jsonl",
        "hf://models/o/n/a.jsonl",
        "hf://datasets/o/n",
        "hf://datasets/o/n/",
        "hf://datasets/o/../a",
        "hf://datasets/o/n/../../../../api/whoami",
        "hf://datasets/o/n/a//b",
        "hf://datasets/o/n@a/b/../c",
        "hf://datasets/o/n/a\nb",
        "s3://data/a.jsonl",
        "s3://data/sets",
        "s3://data/sets/",
        "s3://data/setsother/a",
        "s3://data/sets/../secret",
        "s3://data/sets/%2e%2e/secret",
        "s3://data/sets//a",
        "s3://data/sets/./a",
        "s3://data/sets/a?versionId=1",
        "s3://other/sets/a",
        "s3://u@data/sets/a",
        "gs://data",
        "az://box/b/a",
        "s3a://data/sets/a",
    ],
)
def test_sources_that_are_not(url: str) -> None:
    with pytest.raises(BadSource):
        parsed(url)


def test_what_may_be_secret_is_not_shown() -> None:
    assert shown("https://x.example:8443/d/a%20b.jsonl?X-Amz-Signature=abc") == "https://x.example:8443/d/a%20b.jsonl"
    assert shown("https://u:p@x.example/a") == "https://x.example/a"
    assert name_of("https://x.example/d/a%20b.jsonl?x=/y") == "a b.jsonl"
    assert name_of("https://x.example") == ""


@pytest.mark.parametrize(
    ("tries", "age_s", "asked_s", "pause_s"),
    [
        (1, 0, None, 2.0),
        (5, 0, None, 32.0),
        (1, 0, 0.0, 1.0),
        (1, 0, 90.0, 90.0),
        (1, 0, 1e9, 900.0),
        (MOST_TRIES, 0, None, None),
        (1, LONGEST_S + 1, None, None),
    ],
)
def test_pauses_grow_and_end(tries: int, age_s: float, asked_s: float | None, pause_s: float | None) -> None:
    wish = SourceWish(url="https://x.example/a", begun_at=1_000.0, tries=tries)
    failure = SourceFailed("x", retryable=True, retry_after_s=asked_s)
    assert next_try_s(wish, failure, 1_000.0 + age_s) == pause_s
    assert next_try_s(wish, SourceFailed("x", retryable=False), 1_000.0) is None
