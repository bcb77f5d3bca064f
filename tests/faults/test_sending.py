"""U2 and U3 of reliability §3: a file is at the provider once, and one that it can't use fails the job in its words.

Mutations that these tests catch: `Files._look_up` finding nothing (U2); `UPLOADS` without end, or the provider's words
left out of the job's error (U3).
"""

import asyncio

from service.core.jobs import Job
from service.store import keys
from service.store.blobs import content_key
from tests.faults.remote_bench import RemoteBench
from tests.providers.upstream import DROP, HANG, error
from tests.waiting import until_async
from workers.look import Looker
from workers.providers.protocol import Upload
from workers.providers.registry import Providers
from workers.steps import STEPS

CREATE = ("POST", "/fine_tuning/jobs")
NOT_READY = error(400, "File file-1 is not ready", param="training_file")
UNUSABLE = error(400, "File file-1 is in status error: line 3 has no messages", "invalid_file", param="training_file")


async def upload_and_die(rig: RemoteBench, job: Job) -> None:
    """Do as a worker that is killed between the provider's answer and its own note of it."""
    providers = Providers(rig.runtime.settings, rig.runtime.redis)
    part = job.training
    async with rig.runtime.blobs.local_path(content_key(part.sha256)) as path:
        upload = Upload(path=path, filename=part.filename, sha256=part.sha256, bytes=part.bytes)
        await providers.get("remote").upload(upload)
    await providers.aclose()


async def test_u2_a_file_whose_upload_was_not_noted_is_adopted(rig: RemoteBench) -> None:
    job = await rig.remote_job()
    await upload_and_die(rig, job)
    job = await rig.drive(job)
    assert job.remote.job_id is not None
    assert len(rig.upstream.sent("POST", "/files")) == len(rig.upstream.files) == 1


async def test_u2_a_file_whose_answer_was_lost_is_adopted(rig: RemoteBench) -> None:
    rig.upstream.fail("POST", "/files", DROP, executed=True)
    job = await rig.drive(await rig.remote_job())
    assert job.remote.job_id is not None
    assert len(rig.upstream.sent("POST", "/files")) == 1


async def test_u1_an_upload_whose_lease_is_lost_is_dropped_and_its_file_taken_by_the_next_worker(
    rig: RemoteBench,
) -> None:
    job = await rig.remote_job()
    member = f"job:{job.id}"
    while (await rig.read(job)).step != "uploading":
        await rig.look(member)
    rig.upstream.fail("POST", "/files", HANG, executed=True)
    first, second = (Looker(rig.looker._context, STEPS, lease_s=0.9) for _ in range(2))  # pyright: ignore[reportPrivateUsage]
    uploading = asyncio.create_task(first.look(member))
    await until_async(lambda: bool(rig.upstream.files), "the file is there")
    await rig.runtime.redis.delete(keys.lease(member))  # as if the worker had been frozen for as long
    await uploading
    assert await rig.counted("step_attempts_total", result="lease_lost") == 1
    await second.look(member)
    sent = await rig.read(job)
    assert (sent.step, sent.remote.training_file) == ("creating", "file-1")
    assert len(rig.upstream.sent("POST", "/files")) == 1


async def test_u3_a_file_that_is_still_processed_is_waited_for(rig: RemoteBench) -> None:
    job = await rig.ready()
    rig.upstream.fail(*CREATE, NOT_READY)
    await rig.look(f"job:{job.id}")
    assert 5 < await rig.due_in_s(job) < 60
    assert (await rig.drive(job, 1)).remote.job_id is not None
    assert len(rig.upstream.files) == 1


async def test_u3_a_file_that_the_provider_can_not_use_fails_the_job_in_its_words(rig: RemoteBench) -> None:
    job = await rig.ready()
    rig.upstream.files["file-1"]["status"] = "error"
    rig.upstream.fail(*CREATE, UNUSABLE, times=10)
    job = await rig.drive(job)
    assert job.status == "failed"
    assert job.error is not None
    assert "line 3 has no messages" in job.error.message
    assert len(rig.upstream.files) == 2, "once more, in case that it was a mishap, and no more"
    assert (await rig.runtime.jobs.events_from(job.id, 0))[-1].level == "error"
