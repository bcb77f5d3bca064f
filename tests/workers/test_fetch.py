"""The step that fetches a dataset: at most one try a look, whatever comes; the check and waiting jobs follow."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.core import clock
from service.core.files import FileRecord
from service.core.ids import make
from service.core.sources import MOST_TRIES, SourceWish
from service.runtime import open_runtime
from service.settings import Settings
from service.store import keys
from service.store.blobs import content_key
from service.store.invariants import violations
from service.store.sources import queue_wish
from tests.sources.origin import CONTENT, Origin
from tests.workers.conftest import Bench
from tests.workers.fakes import FakeProvider

SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin() as server:
        yield server


@pytest.fixture
async def bench(settings: Settings) -> AsyncIterator[Bench]:
    opened = msgspec.structs.replace(settings, source_allow=("127.0.0.1",), max_dataset_bytes=1_000_000)
    async with open_runtime(opened) as runtime:
        yield Bench(runtime, FakeProvider())


async def wished(bench: Bench, url: str, **wish: Any) -> FileRecord:
    """Store a wish, as the API does."""
    record = FileRecord(
        id=make("file-"), filename="t.jsonl", purpose="fine-tune", bytes=0, sha256="", created_at=1, source="x"
    )
    asked = SourceWish(**{"url": url, "begun_at": clock.now(), **wish})
    return await bench.runtime.files.create(record, lambda pipe: queue_wish(pipe, record.id, asked))


async def looked(bench: Bench, record: FileRecord, looks: int = 1) -> FileRecord:
    for _ in range(looks):
        await bench.look(f"dataset:{record.id}")
    found = await bench.runtime.files.get(record.id)
    assert found is not None
    return found


async def due_in_s(bench: Bench, record: FileRecord) -> float | None:
    score = await bench.runtime.redis.zscore(keys.DUE, f"dataset:{record.id}")
    return None if score is None else score - clock.now()


async def test_a_dataset_is_fetched_and_then_checked(bench: Bench, origin: Origin) -> None:
    record = await wished(bench, origin.url("/whole?signature=secret"), sha256=SHA256)
    found = await looked(bench, record)
    assert (found.sha256, found.bytes, found.status) == (SHA256, len(CONTENT), "uploaded")
    assert (await due_in_s(bench, record) or 0) <= 0
    assert await bench.runtime.sources.wish(record.id) is None
    assert await bench.runtime.files.refs.owners(SHA256) == {record.id}
    found = await looked(bench, record)
    assert (found.status, found.format, found.examples) == ("processed", "chat", 2_000)
    assert len(origin.seen) == 1
    assert await violations(bench.runtime.redis) == []


async def test_a_compressed_answer_is_kept_decoded(bench: Bench, origin: Origin) -> None:
    assert (await looked(bench, await wished(bench, origin.url("/gzip")))).sha256 == SHA256


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nothing", "answers 404"),
        ("/html", "text/html"),
        ("/endless", "1,000,000 bytes"),
        ("/huge", "1,000,000 are taken"),
        ("/bomb", "larger than the 1,000,000"),
        ("/brotli", "'br' is not read"),
        ("/hop?http://10.0.0.1/x", "not open to us"),
    ],
)
async def test_a_final_failure_rejects_the_dataset_and_says_why(
    bench: Bench, origin: Origin, path: str, says: str
) -> None:
    record = await wished(bench, origin.url(path))
    found = await looked(bench, record)
    assert (found.status, found.sha256, found.bytes) == ("error", "", 0)
    assert found.status_details is not None
    assert found.status_details.startswith("The source was not fetched. ")
    assert says in found.status_details
    assert await due_in_s(bench, record) is None
    assert await bench.runtime.sources.wish(record.id) is None
    assert [path async for path in bench.runtime.blobs.list("tmp/")] == []
    assert [path async for path in bench.runtime.blobs.list("sha256/")] == []
    assert await violations(bench.runtime.redis) == []


async def test_other_content_than_was_promised_is_refused(bench: Bench, origin: Origin) -> None:
    found = await looked(bench, await wished(bench, origin.url("/whole"), sha256="0" * 64))
    assert found.status == "error"
    assert f"is {SHA256}, not {'0' * 64}" in (found.status_details or "")


async def test_a_failure_that_passes_is_tried_again_and_not_for_ever(bench: Bench, origin: Origin) -> None:
    record = await wished(bench, origin.url("/busy"))
    for number in range(1, MOST_TRIES):
        began = time.monotonic()
        found = await looked(bench, record)
        assert (found.status, len(origin.seen)) == ("uploaded", number)
        left_s = await due_in_s(bench, record) or 0
        assert 6.9 - (time.monotonic() - began) < left_s <= 7
    found = await looked(bench, record)
    assert found.status == "error"
    assert "503" in (found.status_details or "")


async def test_a_worker_that_dies_leaves_the_wish(bench: Bench, origin: Origin) -> None:
    record = await wished(bench, origin.url("/silent"))
    looking = asyncio.create_task(bench.look(f"dataset:{record.id}"))
    await origin.was_asked.wait()
    looking.cancel()
    await asyncio.wait([looking])
    wish = await bench.runtime.sources.wish(record.id)
    assert (wish and wish.tries) == 1
    assert (await due_in_s(bench, record) or 0) > 10
    await bench.runtime.redis.delete(keys.lease(f"dataset:{record.id}"))
    assert wish is not None
    await bench.runtime.sources.note(record.id, msgspec.structs.replace(wish, url=origin.url("/whole")))
    assert (await looked(bench, record)).sha256 == SHA256


async def test_a_source_that_kills_its_worker_each_time_is_given_up(bench: Bench, origin: Origin) -> None:
    found = await looked(bench, await wished(bench, origin.url("/whole"), tries=MOST_TRIES))
    assert (found.status, origin.seen) == ("error", [])
    assert "cut short" in (found.status_details or "")


async def test_a_dataset_deleted_meanwhile_holds_nothing(
    bench: Bench, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await wished(bench, origin.url("/whole"))
    arrived = bench.runtime.sources.arrived

    async def deleted(*arguments: Any) -> Any:
        await bench.runtime.files.delete(record.id)
        return await arrived(*arguments)

    monkeypatch.setattr(type(bench.runtime.sources), "arrived", lambda self, *arguments: deleted(*arguments))
    await bench.look(f"dataset:{record.id}")
    assert await bench.runtime.files.refs.owners(SHA256) == set()
    assert await bench.runtime.sources.wish(record.id) is None


async def test_fetches_leave_workers_for_other_work(bench: Bench, origin: Origin) -> None:
    slot = await bench.runtime.sources.slot(1)
    assert slot is not None
    record = await wished(bench, origin.url("/whole"))
    began = time.monotonic()
    await looked(bench, record)
    assert origin.seen == []
    left_s = await due_in_s(bench, record) or 0
    assert 2.9 - (time.monotonic() - began) < left_s <= 3
    await slot.release()
    assert (await looked(bench, record)).sha256 == SHA256


async def test_a_job_waits_for_its_dataset(bench: Bench, origin: Origin) -> None:
    record = await wished(bench, origin.url("/whole"))
    job = await bench.job(record)
    assert (await bench.drive(job, 2)).step == "checking"
    await looked(bench, record)
    job = await bench.drive(job, 3)
    assert (job.training.sha256, job.training.bytes) == (SHA256, len(CONTENT))
    assert job.step not in {"checking", "done"}
    assert await bench.runtime.files.refs.owners(SHA256) == {record.id, job.id}
    assert await violations(bench.runtime.redis) == []


async def test_a_job_whose_dataset_never_comes_fails(bench: Bench, origin: Origin, tmp_path: Path) -> None:
    for path in ("/nothing", "deleted"):
        record = await wished(bench, origin.url(path))
        job = await bench.job(record)
        if path == "deleted":
            await bench.runtime.files.delete(record.id)
        else:
            await looked(bench, record)
        job = await bench.drive(job, 1)
        assert job.status == "failed"
        assert job.error is not None
        assert job.error.code == "invalid_training_file"
        assert ("deleted" in job.error.message) or ("404" in job.error.message)
    assert await bench.runtime.redis.exists(keys.blob_wanted("")) == 0


async def test_a_url_that_the_operator_closed_meanwhile(bench: Bench) -> None:
    found = await looked(bench, await wished(bench, "https://127.0.0.2/x"))
    assert found.status == "error"
    assert "private, local or reserved" in (found.status_details or "")


async def test_content_is_stored_once(bench: Bench, origin: Origin) -> None:
    for _ in range(2):
        await looked(bench, await wished(bench, origin.url("/whole")))
    assert [blob.key async for blob in bench.runtime.blobs.list("sha256/")] == [content_key(SHA256)]
