"""`tunewright fsck` finds what is planted, in whatever form, says so by its exit status, and changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from redis.asyncio import Redis

from service.cli import fsck
from service.core import moves
from service.core.jobs import Job
from service.store import keys, webhook_keys
from service.store.counters import count
from tests.faults.test_invariants import NOW, sound
from tests.workers.conftest import Bench

CANARY = "sk-" + "canary" * 5
Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(fsck, "_PAUSE_S", 0.01)
    monkeypatch.chdir(tmp_path)

    async def invoke(*arguments: str, **environment: str) -> Result:
        env = {"TUNEWRIGHT_REDIS_URL": redis_url, "OPENAI_API_KEY": CANARY, **environment}
        return await asyncio.to_thread(CliRunner().invoke, fsck.command, arguments, env=env)

    return invoke


async def dump(redis: Redis) -> dict[bytes, Any]:
    return {key: await redis.dump(key) async for key in redis.scan_iter()}


async def test_a_sound_installation(bench: Bench, run: Run) -> None:
    await sound(bench)
    before = await dump(bench.runtime.redis)
    ended = await run()
    assert (ended.exit_code, ended.stdout.splitlines()[-1]) == (0, "All is as it must be.")
    found = msgspec.json.decode((await run("--json")).stdout)
    assert (found["ok"], found["jobs"], found["violations"]) == (True, 2, [])
    assert await dump(bench.runtime.redis) == before, "it wrote"


async def _share(redis: Redis, ended: Job) -> None:
    twin = msgspec.json.decode(await redis.get(keys.job(ended.id)), type=Job)
    remote = msgspec.structs.replace(twin.remote, job_id="remote-1")
    await redis.set(keys.job(ended.id), msgspec.json.encode(msgspec.structs.replace(twin, remote=remote)))


@pytest.mark.parametrize(
    ("invariant", "plant"),
    [
        ("I1", lambda redis, ended: redis.set(keys.job(ended.id), b'{"id":"\xff')),
        ("I1", lambda redis, ended: redis.set(keys.job(ended.id), b"[" * 100_000)),
        ("I1", lambda redis, ended: redis.set(keys.job("ftjob-x"), b"null")),
        ("I1", lambda redis, ended: redis.set(keys.file("file-x"), b"{}")),
        ("I1", lambda redis, ended: redis.set(webhook_keys.message("evt_x"), b"{", ex=60)),
        ("I1", lambda redis, ended: redis.set(keys.DUE, b"no set")),
        ("I1", lambda redis, ended: redis.set(keys.JOBS_BY_STATUS, b"no hash")),
        ("I1", lambda redis, ended: redis.hset(keys.COUNTERS, "jobs_accepted_total", "many")),
        ("I1", lambda redis, ended: redis.set(keys.job_events(ended.id), b"no list")),
        ("I1", lambda redis, ended: redis.zadd(keys.JOBS, {b"\xff\x1b[31m": 1})),
        ("I2", lambda redis, ended: redis.delete(keys.DUE)),
        ("I3", _share),
        ("I5", lambda redis, ended: redis.hincrby(keys.JOBS_BY_STATUS, "queued", 2)),
        ("I6", lambda redis, ended: redis.rpush(keys.job_events(ended.id), CANARY)),
        ("I6", lambda redis, ended: redis.set("tw:idem:x", f"Bearer {CANARY}", ex=60)),
        ("I6", lambda redis, ended: redis.hset("rq:job:x", "exc_info", f"401 for {CANARY}")),
        ("I6", lambda redis, ended: redis.sadd(f"tw:blob:{CANARY}:refs", "x")),
        ("I7", lambda redis, ended: redis.set("tw:idem:x", "x")),
    ],
)
async def test_what_is_planted_is_named(
    bench: Bench, run: Run, invariant: str, plant: Callable[[Redis, Job], Awaitable[object]]
) -> None:
    ended, _ = await sound(bench)
    await plant(bench.runtime.redis, ended)
    told = await run()
    assert told.exit_code == 1
    assert told.exception is None or isinstance(told.exception, SystemExit)
    assert f"\n{invariant}. " in told.stdout
    assert told.stdout.replace("\n", "").isprintable()
    found = msgspec.json.decode((await run("--json", "--rounds", "1")).stdout)
    assert invariant in {one["invariant"] for one in found["violations"]}
    if invariant != "I6" or "blob" not in told.stdout:
        assert CANARY not in told.stdout, "it tells the secret again"


async def test_a_service_at_work_shows_no_violation(bench: Bench, run: Run) -> None:
    """Jobs come and move all the while: no look is taken at one instant, and none of it is reported."""
    record = await bench.dataset([])
    stop = asyncio.Event()

    async def work() -> int:
        number = 0
        while not stop.is_set():
            job = await bench.job(record)
            await bench.runtime.jobs.modify(job.id, lambda old: moves.cancel(old, NOW))
            number += 1
        return number

    working = [asyncio.create_task(work()) for _ in range(4)]
    results = [await run("--rounds", "3") for _ in range(12)]
    stop.set()
    assert sum(await asyncio.gather(*working)) > 40
    assert {result.exit_code for result in results} == {0}, [result.stdout for result in results]


async def test_a_drift_of_a_counter_shows_under_load_too(bench: Bench, run: Run) -> None:
    await sound(bench)
    async with bench.runtime.redis.pipeline() as pipe:
        count(pipe, "jobs_accepted", 50)
        await pipe.execute()
    assert "jobs_accepted: counted 52, there are 2" in (await run()).stdout


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TUNEWRIGHT_REDIS_URL": "redis://127.0.0.1:1"}, "Redis does not answer"),
        ({"TUNEWRIGHT_REDIS_URL": "nonsense"}, "redis_url"),
        ({"TUNEWRIGHT_REDIS_URL": "", "TUNEWRIGHT_DATA_DIR": "nowhere"}, "There is no data folder"),
    ],
)
async def test_what_can_not_be_checked_is_exit_status_2(run: Run, environment: dict[str, str], words: str) -> None:
    ended = await run(**environment)
    assert (ended.exit_code, words in ended.stderr) == (2, True)
