"""One suite for every blob store: a folder, an object store in memory, and one in a folder."""

import hashlib
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore.store
import pytest

from service.core.errors import Unavailable
from service.store import blob_objects
from service.store.blob_folder import FolderBlobs
from service.store.blob_objects import ObjectBlobs, ObjectStoreUnsupported
from service.store.blobs import BlobMissing, BlobStore, content_key, open_blobs, part_key, sha256_of

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["folder", "memory", "objects in a folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return FolderBlobs.open(tmp_path / "blobs")
    spool = tmp_path / "spool"
    spool.mkdir()
    if request.param == "memory":
        return ObjectBlobs(obstore.store.MemoryStore(), spool)
    return ObjectBlobs(obstore.store.LocalStore(tmp_path / "objects", mkdir=True), spool)


async def write(blobs: BlobStore, content: bytes = CONTENT) -> str:
    async with blobs.open_write() as writer:
        for start in range(0, len(content), 70_001):
            await writer.write(content[start : start + 70_001])
        blob = await writer.commit()
    assert blob.bytes == len(content)
    return content_key(blob.sha256)


async def read(blobs: BlobStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(key, start, end)])


async def names(blobs: BlobStore, prefix: str) -> list[str]:
    return sorted([blob.key async for blob in blobs.list(prefix)])


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_goes_in_comes_out_under_its_hash(blobs: BlobStore) -> None:
    key = await write(blobs)
    assert (key, sha256_of(key)) == (f"sha256/{SHA256[:2]}/{SHA256[2:]}", SHA256)
    assert (await blobs.size(key), await blobs.exists(key)) == (len(CONTENT), True)
    assert await read(blobs, key) == CONTENT
    assert await write(blobs) == key
    async with blobs.local_path(key) as path:
        assert path.read_bytes() == CONTENT


async def test_a_blob_may_have_a_name(blobs: BlobStore) -> None:
    key = part_key("upload_a", "part_b")
    async with blobs.open_write(key) as writer:
        await writer.write(CONTENT)
        assert (await writer.seal()).sha256 == SHA256
        assert await blobs.size(key) is None
        await writer.commit()
    assert await read(blobs, key) == CONTENT
    async with blobs.open_write(part_key("upload_a", "part_c")) as writer:
        await writer.write(CONTENT)
    assert await names(blobs, "uploads/") == [key]
    await blobs.delete(key)
    assert await names(blobs, "uploads/") == []


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (5, None), (1_048_576, 2_097_153), (0, 0), (9, 9), (2_999_999, None)]
)
async def test_ranges(blobs: BlobStore, start: int, end: int | None) -> None:
    assert await read(blobs, await write(blobs), start, end) == CONTENT[start:end]


async def test_an_empty_blob_is_a_blob(blobs: BlobStore) -> None:
    key = await write(blobs, b"")
    assert await read(blobs, key) == b""
    assert await blobs.size(key) == 0


async def test_what_is_not_committed_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    async with blobs.open_write() as writer:
        await writer.write(CONTENT)
        assert (await writer.seal()).sha256 == SHA256
    assert await names(blobs, "sha256/") == []
    assert files_in(tmp_path) == []


async def test_named_blobs(blobs: BlobStore) -> None:
    await blobs.put("reports/a/1.json", b"one")
    await blobs.put("reports/a/1.json", b"two")
    await blobs.put("reports/b/2.json", b"x")
    assert await blobs.get("reports/a/1.json") == b"two"
    assert await names(blobs, "reports/") == ["reports/a/1.json", "reports/b/2.json"]
    assert await names(blobs, "reports/a/") == ["reports/a/1.json"]
    await blobs.delete("reports/a/1.json")
    await blobs.delete("reports/a/1.json")
    assert await blobs.get("reports/a/1.json") is None
    await blobs.probe()


async def test_a_missing_blob(blobs: BlobStore) -> None:
    key = content_key(SHA256)
    assert (await blobs.size(key), await blobs.exists(key), await blobs.get(key)) == (None, False, None)
    assert await names(blobs, "sha256/") == []
    with pytest.raises(BlobMissing):
        await read(blobs, key)
    with pytest.raises(BlobMissing):
        async with blobs.local_path(key):
            pass


async def test_no_key_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    blobs = FolderBlobs.open(tmp_path / "blobs")
    for key in ("../secret", "/etc/passwd", "a/../../secret", "a\0b"):
        assert await blobs.get(key) is None
        with pytest.raises(BlobMissing):
            await blobs.put(key, b"y")


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """A file of this process may not grow beyond `most_bytes`: the write fails as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


async def test_a_full_disk_is_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    blobs = FolderBlobs.open(tmp_path / "blobs")
    with full_disk(1_500_000), pytest.raises(Unavailable) as raised:
        await write(blobs)
    assert raised.value.code == "storage_full"
    with full_disk(10), pytest.raises(Unavailable):
        await blobs.put("reports/x", b"y" * 100)
    assert files_in(tmp_path / "blobs") == []


async def test_leftovers_of_cut_off_writers_are_swept(tmp_path: Path) -> None:
    blobs = FolderBlobs.open(tmp_path)
    (tmp_path / "tmp" / "old").write_bytes(b"x")
    os.utime(tmp_path / "tmp" / "old", (1, 1))
    (tmp_path / "tmp" / "new").write_bytes(b"x")
    assert await blobs.sweep(older_than=1_000) == 1
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["new"]


async def test_an_object_store_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(blob_objects.importlib, "import_module", missing)
    with pytest.raises(ObjectStoreUnsupported, match=r"tunewright\[objects\]"):
        await open_blobs("s3://bucket/prefix")


@pytest.mark.parametrize("url", ["ftp://x/y", "s3:/nothing", "zzz://"])
async def test_a_url_of_no_store_is_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if "://" in url:
        with pytest.raises(ObjectStoreUnsupported):
            await open_blobs(url)


async def test_object_stores_open_by_url(tmp_path: Path) -> None:
    for url in ("s3://bucket/prefix", "file://" + str(tmp_path / "f"), str(tmp_path / "g")):
        assert await open_blobs(url) is not None
