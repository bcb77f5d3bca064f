"""Datasets in object stores, by obstore's own stores in memory and in a folder."""

import gzip
from pathlib import Path
from typing import Any

import obstore
import obstore.store
import pytest

from service.core.sources import SourceFailed
from tests.sources.conftest import Fetch
from tests.sources.origin import CONTENT
from workers.sources import objects

BUCKETS = {"source_buckets": ("s3://data/sets", "gs://data/", "az://box")}


@pytest.fixture
def store() -> Any:
    made = obstore.store.MemoryStore()
    obstore.put(made, "sets/train.jsonl", CONTENT)
    obstore.put(made, "sets/empty.jsonl", b"")
    obstore.put(made, "sets/packed.jsonl", gzip.compress(CONTENT), attributes={"Content-Encoding": "gzip"})
    return made


@pytest.mark.parametrize(
    "url", ["s3://data/sets/train.jsonl", "gs://data/sets/train.jsonl", "az://box/sets/train.jsonl"]
)
async def test_an_object_is_read_range_by_range(
    fetch: Fetch, store: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_RANGE_BYTES", 10_007)
    opened: list[str] = []

    def open_store(root: str) -> Any:
        opened.append(root)
        return store

    assert await fetch(url, open_store=open_store, **BUCKETS) == CONTENT
    assert opened == [url.removesuffix("/sets/train.jsonl")]


async def test_a_folder_is_a_store_too(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a b.jsonl").write_bytes(CONTENT)
    local = obstore.store.LocalStore(tmp_path)
    assert await fetch("s3://data/sets/a b.jsonl", open_store=lambda _: local, **BUCKETS) == CONTENT


async def test_an_empty_object(fetch: Fetch, store: Any) -> None:
    assert await fetch("s3://data/sets/empty.jsonl", open_store=lambda _: store, **BUCKETS) == b""


async def test_an_object_too_large_is_not_read(fetch: Fetch, store: Any) -> None:
    with pytest.raises(SourceFailed, match="100 are taken"):
        await fetch("s3://data/sets/train.jsonl", open_store=lambda _: store, max_dataset_bytes=100, **BUCKETS)


async def test_an_object_that_is_not_there(fetch: Fetch, store: Any) -> None:
    with pytest.raises(SourceFailed, match="no such object") as failed:
        await fetch("s3://data/sets/none.jsonl", open_store=lambda _: store, **BUCKETS)
    assert not failed.value.retryable


async def test_an_object_that_changes_while_it_is_read(
    fetch: Fetch, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_RANGE_BYTES", 50_000)
    real, reads = objects._read, []

    async def read(library: Any, found: Any) -> bytes:
        reads.append(1)
        if len(reads) == 2:
            obstore.put(store, "sets/train.jsonl", CONTENT[::-1])
        return await real(library, found)

    monkeypatch.setattr(objects, "_read", read)
    with pytest.raises(SourceFailed, match="changed while it was read") as failed:
        await fetch("s3://data/sets/train.jsonl", open_store=lambda _: store, **BUCKETS)
    assert failed.value.retryable


async def test_a_store_that_is_not_set_up(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SourceFailed, match="az is not set up"):
        await fetch("az://box/sets/train.jsonl", **BUCKETS)


async def test_without_the_extra_the_client_is_told(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(objects.importlib, "import_module", missing)
    with pytest.raises(SourceFailed, match=r"tunewright\[objects\]"):
        await fetch("s3://data/sets/train.jsonl", **BUCKETS)
