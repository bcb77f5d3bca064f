"""The staged parts of uploads go when the upload ends, or when nobody knows of them."""

import os
from pathlib import Path

import msgspec
import pytest

from service.core import clock
from service.core.uploads import LIFE_S, Part, UploadRecord
from service.store.blobs import PARTS, part_key
from service.store.redis import Pipeline
from tests.workers.conftest import Bench


async def unguarded(pipe: Pipeline) -> None:
    return


def nothing(pipe: Pipeline) -> None:
    return


async def upload_in(bench: Bench, created_at: float) -> UploadRecord:
    upload = UploadRecord(
        id="upload_a", filename="a", purpose="fine-tune", mime_type="text/jsonl", bytes=4, created_at=int(created_at)
    )
    await bench.runtime.uploads.create(upload, unguarded, nothing)
    for part_id in ("part_a", "part_b"):
        await bench.runtime.blobs.put(part_key(upload.id, part_id), b"{}")
        if upload.seen_at(clock.now()).status == "pending":
            part = Part(id=part_id, bytes=2, created_at=1)
            await bench.runtime.uploads.add_part(upload.id, part, unguarded, nothing)
    return upload


async def staged(bench: Bench) -> list[str]:
    return [blob.key async for blob in bench.runtime.blobs.list(PARTS)]


async def test_an_open_upload_keeps_its_parts(bench: Bench) -> None:
    await upload_in(bench, clock.now())
    await bench.look("upload:upload_a")
    await bench.look("collect:all")
    assert len(await staged(bench)) == 2
    score = await bench.runtime.redis.zscore("tw:due", "upload:upload_a")
    assert LIFE_S - 60 < score - clock.now() <= LIFE_S


async def test_a_cancelled_upload_lets_go_of_its_parts_at_once(bench: Bench) -> None:
    await upload_in(bench, clock.now())
    await bench.runtime.uploads.cancel("upload_a")
    await bench.look("upload:upload_a")
    assert await staged(bench) == []
    assert await bench.runtime.uploads.parts("upload_a") == {}
    assert await bench.runtime.redis.zscore("tw:due", "upload:upload_a") is None


async def test_an_expired_upload_lets_go_unless_it_is_being_completed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    upload = await upload_in(bench, now)
    monkeypatch.setattr(clock, "now", lambda: now + LIFE_S)
    assert (await bench.runtime.uploads.get(upload.id)).status == "expired"
    lease = bench.runtime.uploads.lease(upload.id)
    assert await lease.take()
    await bench.look("upload:upload_a")
    assert len(await staged(bench)) == 2
    await lease.release()
    await bench.look("upload:upload_a")
    assert await staged(bench) == []


async def test_parts_that_nobody_knows_are_collected_late(bench: Bench, tmp_path: Path) -> None:
    bench.looker._context = msgspec.structs.replace(  # type: ignore[attr-defined]
        bench.looker._context,  # type: ignore[attr-defined]
        runtime=msgspec.structs.replace(
            bench.runtime, settings=msgspec.structs.replace(bench.runtime.settings, blob_grace_s=0.0)
        ),
    )
    for name, age_s in (("old", 3 * LIFE_S), ("new", LIFE_S)):
        key = part_key("upload_gone", f"part_{name}")
        await bench.runtime.blobs.put(key, b"{}")
        then = clock.now() - age_s
        os.utime(tmp_path / "blobs" / key, (then, then))
    await bench.runtime.due.ring("collect:all")
    await bench.look("collect:all")
    assert await staged(bench) == [part_key("upload_gone", "part_new")]
    await bench.look("upload:upload_gone")
