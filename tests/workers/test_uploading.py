"""Step `uploading`: one content goes to one provider once, whoever works on it."""

import asyncio

from service.core.jobs import Job
from service.store import keys
from tests.workers.conftest import Bench, chat
from workers.providers.protocol import Upload


async def at_uploading(bench: Bench, job: Job) -> Job:
    for _ in range(6):
        if (found := await bench.read(job)).step == "uploading":
            return found
        await bench.look(f"job:{job.id}")
    raise AssertionError(found.step)


async def test_equal_content_is_uploaded_by_one_worker_at_a_time(bench: Bench) -> None:
    record = await bench.dataset([chat(number) for number in range(12)])
    first, second = [await at_uploading(bench, await bench.job(record)) for _ in range(2)]
    began, may_end = asyncio.Event(), asyncio.Event()
    upload_now = bench.provider.upload

    async def slowly(upload: Upload) -> str:
        began.set()
        await may_end.wait()
        return await upload_now(upload)

    bench.provider.upload = slowly  # type: ignore[method-assign]
    uploading = asyncio.create_task(bench.look(f"job:{first.id}"))
    await began.wait()
    await asyncio.wait_for(bench.look(f"job:{second.id}"), 10)
    assert (await bench.read(second)).step == "uploading"
    may_end.set()
    await uploading
    await bench.look(f"job:{second.id}")
    jobs = [await bench.read(job) for job in (first, second)]
    assert len(bench.provider.uploads) == 1
    assert len({job.remote.training_file for job in jobs}) == 1
    assert all(job.step == "creating" for job in jobs)
    assert await bench.runtime.redis.exists(keys.remote_upload_lease("local", record.sha256)) == 0
