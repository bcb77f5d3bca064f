"""U2 and U3 of reliability §3: a file is at the provider once, and one that it can't use fails the job in its words.

Mutations that these tests catch: `Files._look_up` finding nothing (U2); `UPLOADS` without end, or the provider's words
left out of the job's error (U3).
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.core.jobs import Job
from service.store.blobs import content_key
from tests.faults.remote_bench import RemoteBench, remote_bench
from tests.providers.upstream import DROP, error
from workers.providers.protocol import Upload
from workers.providers.registry import Providers

CREATE = ("POST", "/fine_tuning/jobs")
NOT_READY = error(400, "File file-1 is not ready", param="training_file")
UNUSABLE = error(400, "File file-1 is in status error: line 3 has no messages", "invalid_file", param="training_file")


@pytest.fixture
async def bench(redis_url: str, tmp_path: Path) -> AsyncIterator[RemoteBench]:
    async with remote_bench(redis_url, tmp_path) as made:
        yield made


async def upload_and_die(bench: RemoteBench, job: Job) -> None:
    """Do as a worker that is killed between the provider's answer and its own note of it."""
    providers = Providers(bench.runtime.settings, bench.runtime.redis)
    part = job.training
    async with bench.runtime.blobs.local_path(content_key(part.sha256)) as path:
        upload = Upload(path=path, filename=part.filename, sha256=part.sha256, bytes=part.bytes)
        await providers.get("remote").upload(upload)
    await providers.aclose()


async def test_u2_a_file_whose_upload_was_not_noted_is_adopted(bench: RemoteBench) -> None:
    job = await bench.remote_job()
    await upload_and_die(bench, job)
    job = await bench.drive(job)
    assert job.remote.job_id is not None
    assert len(bench.upstream.sent("POST", "/files")) == len(bench.upstream.files) == 1


async def test_u2_a_file_whose_answer_was_lost_is_adopted(bench: RemoteBench) -> None:
    bench.upstream.fail("POST", "/files", DROP, executed=True)
    job = await bench.drive(await bench.remote_job())
    assert job.remote.job_id is not None
    assert len(bench.upstream.sent("POST", "/files")) == 1


async def test_u3_a_file_that_is_still_processed_is_waited_for(bench: RemoteBench) -> None:
    job = await bench.ready()
    bench.upstream.fail(*CREATE, NOT_READY)
    await bench.look(f"job:{job.id}")
    assert 5 < await bench.due_in_s(job) < 60
    assert (await bench.drive(job, 1)).remote.job_id is not None
    assert len(bench.upstream.files) == 1


async def test_u3_a_file_that_the_provider_can_not_use_fails_the_job_in_its_words(bench: RemoteBench) -> None:
    job = await bench.ready()
    bench.upstream.files["file-1"]["status"] = "error"
    bench.upstream.fail(*CREATE, UNUSABLE, times=10)
    job = await bench.drive(job)
    assert job.status == "failed"
    assert job.error is not None
    assert "line 3 has no messages" in job.error.message
    assert len(bench.upstream.files) == 2, "once more, in case that it was a mishap, and no more"
    assert (await bench.runtime.jobs.events_from(job.id, 0))[-1].level == "error"
