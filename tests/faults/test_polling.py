"""P2 and P5 of reliability §3: thousands of open jobs at the price of a hundred requests, and nobody polls twice.

Mutations that these tests catch: single reads instead of pages, no page guard, no limit of histories a round
(`p5_a_round` fails); the pause counted from the end of a round (`p5_staleness`); no place to go on
(`p5_a_list_longer`); a claim that two may have (`p2_`).
"""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.runtime import Runtime, open_runtime
from service.settings import ProviderSettings, Settings
from service.store import keys
from tests.faults.open_jobs import let_pass, open_jobs
from tests.providers.upstream import DROP, Answer, Call, Upstream
from tests.waiting import until_async
from workers.context import Context
from workers.look import Looker
from workers.providers.registry import Providers
from workers.steps import STEPS
from workers.steps.poll import ROUND_REQUESTS, round_pause_s

LIST = "/fine_tuning/jobs"


@pytest.fixture
async def runtime(redis_url: str, tmp_path: Path, upstream: Upstream) -> AsyncIterator[Runtime]:
    remote = ProviderSettings(base_url=upstream.url, request_timeout_s=30.0)
    settings = Settings(redis_url=redis_url, data_dir=tmp_path, providers={"remote": remote})
    async with open_runtime(settings) as made:
        yield made


@pytest.fixture
async def looker(runtime: Runtime) -> AsyncIterator[Looker]:
    providers = Providers(runtime.settings, runtime.redis)
    yield Looker(Context(runtime=runtime, providers=providers), STEPS)
    await providers.aclose()


async def poll_due_in_s(runtime: Runtime) -> float:
    score = await runtime.redis.zscore(keys.DUE, "poll:remote")
    return score - await runtime.due.now()


@pytest.mark.parametrize("count", [1_200, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_p5_a_round_of_many_jobs_costs_a_page_a_hundred(
    runtime: Runtime, looker: Looker, upstream: Upstream, count: int
) -> None:
    await open_jobs(runtime, upstream, count)
    for _ in range(2):
        upstream.calls.clear()
        await let_pass(runtime, 1_000.0)
        await looker.look("poll:remote")
        await runtime.due.ring("poll:remote", 1e9)
        assert len(upstream.sent("GET", LIST)) == count // 100
        assert len(upstream.calls) <= min(ROUND_REQUESTS, count // 100 + 20)
        ages = await runtime.freshness.staleness("remote")
        assert ages is not None
        assert ages.oldest_s < 500, "every job was read"
    assert await runtime.redis.zcard(keys.jobs_seen("remote")) == count


async def test_p5_staleness_stays_under_ninety_seconds(runtime: Runtime, looker: Looker, upstream: Upstream) -> None:
    await open_jobs(runtime, upstream, 1_000)
    await looker.look("poll:remote")
    wait_s = await poll_due_in_s(runtime)
    assert 30 < wait_s <= 72
    await let_pass(runtime, wait_s)
    ages = await runtime.freshness.staleness("remote")
    assert ages is not None
    assert ages.p99_s < 90


@pytest.mark.parametrize("round_s", [1.0, 15.0, 40.0])
def test_p5_staleness_over_a_thousand_rounds(round_s: float) -> None:
    """Pages are read one after another over `round_s`: a job's age just before it is read again is the greatest."""
    greatest: list[float] = []
    for _ in range(1_000):
        start = round_s + round_pause_s(10_000, 15.0, age_s=1e6, elapsed_s=round_s)
        greatest += [start + random.uniform(-0.05, 0.05) * round_s for _ in range(10)]
    assert sorted(greatest)[int(len(greatest) * 0.99)] < 90


async def test_p5_a_list_longer_than_a_round_is_read_on_where_it_stopped(
    runtime: Runtime, looker: Looker, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.providers.openai_jobs._MAX_PAGES", 3)
    monkeypatch.setattr("workers.providers.openai_jobs._ROUND", 5)
    await open_jobs(runtime, upstream, 500)
    read: set[bytes] = set()
    for _ in range(2):
        await let_pass(runtime, 1_000.0)
        await runtime.due.ring("poll:remote")
        await looker.look("poll:remote")
        floor = await runtime.due.now() - 900
        read |= set(await runtime.redis.zrangebyscore(keys.jobs_seen("remote"), floor, "+inf"))
    assert len(read) == 500


async def test_p5_a_server_that_ignores_after_costs_no_more(
    runtime: Runtime, looker: Looker, upstream: Upstream
) -> None:
    upstream.ignores_after = True
    await open_jobs(runtime, upstream, 500)
    await looker.look("poll:remote")
    assert len(upstream.calls) <= ROUND_REQUESTS + 20
    ages = await runtime.freshness.staleness("remote")
    assert ages is not None
    jobs = await runtime.jobs.open_at("remote")
    assert {job.status for job in jobs} == {"running"}
    assert {job.remote.status for job in jobs} == {"running"}, "what was not read is not written as read"


async def test_p2_pollers_at_once_are_one_round(runtime: Runtime, looker: Looker, upstream: Upstream) -> None:
    await open_jobs(runtime, upstream, 300)
    await asyncio.gather(*(looker.look("poll:remote") for _ in range(8)))
    assert len(upstream.sent("GET", LIST)) == 3


async def test_p2_a_poller_that_dies_is_followed_after_its_lease(
    runtime: Runtime, looker: Looker, upstream: Upstream
) -> None:
    jobs = await open_jobs(runtime, upstream, 3)
    dead = await runtime.due.claim("poll:remote", 1.0)
    assert dead is not None
    await looker.look("poll:remote")
    assert upstream.calls == []

    async def is_free() -> bool:
        return not await runtime.redis.exists(keys.lease("poll:remote"))

    await until_async(is_free, "its lease has ended")
    for job in upstream.jobs:
        job.update(status="cancelled")
    await asyncio.gather(*(looker.look("poll:remote") for _ in range(3)))
    for job in jobs:
        await asyncio.gather(*(looker.look(f"job:{job.id}") for _ in range(2)))
    ended = await runtime.jobs.get_many([job.id for job in jobs])
    assert {(job.status, job.announced) for job in ended} == {("cancelled", 1)}


async def test_p5_a_round_that_breaks_off_is_gone_on_with_where_it_broke(
    runtime: Runtime, looker: Looker, upstream: Upstream
) -> None:
    await open_jobs(runtime, upstream, 600)
    give, given = upstream._list_jobs, 0

    def breaking(call: Call) -> Answer:
        nonlocal given
        given += 1
        return give(call) if given <= 4 or given > 7 else DROP

    upstream._list_jobs = breaking  # type: ignore[method-assign]
    await looker.look("poll:remote")
    upstream.calls.clear()
    await let_pass(runtime, 1_000.0)
    await runtime.due.ring("poll:remote")
    await looker.look("poll:remote")
    first = upstream.sent("GET", LIST)[0]
    assert first.query["after"] == upstream.jobs[399]["id"], "behind the four pages that were read"
    ages = await runtime.freshness.staleness("remote")
    assert ages is not None
    assert ages.oldest_s < 100, "and then the rest from the top"
