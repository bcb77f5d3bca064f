"""File records: guarded changes, holds on bytes, expiry, and the collection of what nobody needs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from service.core import clock
from service.core.errors import Unavailable
from service.core.files import FileRecord
from service.core.ids import FILE, make
from service.store import keys
from service.store.blob_folder import FolderBlobs
from service.store.blobs import content_key, report_folder
from service.store.due import DueStore
from service.store.files import FileStore
from service.store.redis import connect


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def files(redis: Redis) -> FileStore:
    return FileStore(redis)


def record(**more: object) -> FileRecord:
    values = {
        "id": make(FILE),
        "filename": "a",
        "purpose": "fine-tune",
        "bytes": 1,
        "sha256": "ab" * 32,
        "created_at": 5,
    }
    return FileRecord(**{**values, **more})  # type: ignore[arg-type]


async def never(owner: str) -> bool:
    return False


async def test_a_new_dataset_is_due_for_its_check(files: FileStore, redis: Redis) -> None:
    made = await files.create(record())
    results = await files.create(record(purpose="fine-tune-results"))
    assert await files.get(made.id) == made
    assert (await DueStore(redis).take(10, 5))[0] == [f"dataset:{made.id}"]
    assert await files.refs.owners(made.sha256) == {made.id, results.id}


async def test_a_verdict_does_not_undo_a_change_between(files: FileStore, redis: Redis) -> None:
    made = await files.create(record())
    tries = 0

    def verdict(old: FileRecord) -> FileRecord:
        nonlocal tries
        tries += 1
        return msgspec.structs.replace(old, status="processed")

    def other(pipe: object) -> None:
        del pipe

    async with redis.pipeline() as pipe:
        await pipe.watch(keys.file(made.id))
        await files.finish_check(made.id, lambda old: msgspec.structs.replace(old, metadata={"a": "b"}), other)
    done = await files.finish_check(made.id, verdict)
    assert done is not None
    assert (done.status, done.metadata, tries) == ("processed", {"a": "b"}, 1)
    assert await files.finish_check(made.id, lambda _: None) == done
    assert await files.finish_check("file-gone", verdict) is None


async def test_fifty_verdicts_at_once_all_count(files: FileStore) -> None:
    made = await files.create(record(metadata={}))

    def add(number: int) -> FileRecord | None:
        async def one() -> FileRecord | None:
            return await files.finish_check(
                made.id, lambda old: msgspec.structs.replace(old, metadata={**(old.metadata or {}), str(number): ""})
            )

        return one()  # type: ignore[return-value]

    await asyncio.gather(*(add(number) for number in range(50)))  # type: ignore[arg-type]
    found = await files.get(made.id)
    assert found is not None
    assert len(found.metadata or {}) == 50


async def test_expired_files_are_found_until_deleted(files: FileStore) -> None:
    soon, later = await files.create(record(expires_at=10)), await files.create(record(expires_at=20))
    assert await files.expired(9) == []
    assert await files.expired(10) == [soon.id]
    assert await files.delete(soon.id)
    assert await files.expired(99) == [later.id]
    assert not await files.delete(soon.id)


async def stored(blobs: FolderBlobs, content: bytes) -> str:
    async with blobs.open_write() as writer:
        await writer.write(content)
        return (await writer.commit()).sha256


async def test_only_old_content_that_nobody_needs_is_collected(files: FileStore, redis: Redis, tmp_path: Path) -> None:
    blobs = FolderBlobs.open(tmp_path)
    used, unused, dropped = [await stored(blobs, name) for name in (b"used", b"unused", b"dropped")]
    await blobs.put(report_folder(unused) + "r.json", b"{}")
    kept = await files.create(record(sha256=used))
    gone = await files.create(record(sha256=dropped))
    await files.delete(gone.id)

    async def is_alive(owner: str) -> bool:
        return await files.get(owner) is not None

    assert await files.refs.collect(blobs, clock.now() - 60, is_alive) == 0
    assert await files.refs.collect(blobs, clock.now() + 60, is_alive) == 1
    assert [await blobs.exists(content_key(name)) for name in (used, unused, dropped)] == [True, False, True]
    assert [blob.key async for blob in blobs.list("reports/")] == []
    await redis.delete(keys.blob_wanted(dropped))
    assert await files.refs.collect(blobs, clock.now() + 60, is_alive) == 1
    assert await files.refs.owners(used) == {kept.id}


async def test_an_upload_and_a_collection_of_the_same_bytes_see_each_other(files: FileStore, redis: Redis) -> None:
    sha256 = "cd" * 32
    await redis.set(keys.blob_doomed(sha256), "1", px=300)
    await files.refs.hold(sha256, "file-new")  # waits until the deletion is over
    assert await redis.exists(keys.blob_doomed(sha256)) == 0


async def test_a_deletion_that_does_not_end_is_not_waited_for(
    files: FileStore, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.blob_refs._WAIT_STEPS", 3)
    await redis.set(keys.blob_doomed("ef" * 32), "1")
    with pytest.raises(Unavailable):
        await files.refs.hold("ef" * 32, "file-new")


async def test_what_is_held_before_its_record_is_not_doomed(files: FileStore, redis: Redis, tmp_path: Path) -> None:
    blobs = FolderBlobs.open(tmp_path)
    sha256 = await stored(blobs, b"new")

    await files.refs.hold(sha256, "file-coming")
    assert await files.refs.collect(blobs, clock.now() + 60, never) == 0
    await redis.delete(keys.blob_wanted(sha256))  # an hour later
    assert await files.refs.collect(blobs, clock.now() + 60, never) == 1
