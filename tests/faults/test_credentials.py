"""C5 and P1 of reliability §3: refusals and outages stop all workers together, and one call finds out when they end.

Mutations that these tests catch: `_ADMIT` always giving leave (all fail); a success that closes an open circuit
(`in_flight`); the probe not held (`one_call`); `scope_of` the same for all (`reads_go_on`); Retry-After left out.
"""

import asyncio
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

import pytest

from service.core import clock
from service.core.credentials import OUTAGE, UNAUTHORIZED
from service.store import keys
from service.store.credentials import Credential, CredentialStore
from tests.faults.open_jobs import let_pass, open_jobs
from tests.faults.remote_bench import RemoteBench, remote_bench
from tests.providers.upstream import DROP, error
from workers.steps.poll import OUTAGE_PAUSE_S

CREATE = ("POST", "/fine_tuning/jobs")
LIST = ("GET", "/fine_tuning/jobs")
WRONG_KEY = error(401, "Incorrect API key provided", "invalid_api_key")
WHO = Credential(provider="remote", digest="d", requests_per_minute=0)


@pytest.fixture
async def bench(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RemoteBench]:
    monkeypatch.setattr("service.store.credentials.PROBE_S", 60.0)  # a slow machine's call is still one call
    async with remote_bench(redis_url, tmp_path) as made:
        yield made


def creates(bench: RemoteBench) -> int:
    return len(bench.upstream.sent(*CREATE))


@pytest.mark.parametrize(
    ("header", "least_s"), [("7", 7.0), ("180", 180.0), ("date", 170.0), (None, 1.0)], ids=["7", "180", "date", "none"]
)
async def test_c5_what_the_provider_asks_to_wait_is_waited_by_all(
    bench: RemoteBench, header: str | None, least_s: float
) -> None:
    first, second = await bench.ready(), await bench.ready()
    value = formatdate(clock.now() + 180, usegmt=True) if header == "date" else header
    refusal = error(429, "slow down", "rate_limit_exceeded", headers={"retry-after": value} if value else {})
    bench.upstream.fail(*CREATE, refusal)
    await bench.look(f"job:{first.id}")
    assert await bench.due_in_s(first) >= least_s - 0.5
    if header is None:
        return
    for _ in range(3):
        await bench.look(f"job:{second.id}")
    assert creates(bench) == 1
    assert await bench.due_in_s(second) >= least_s - 0.5
    await bench.let_pass("write")
    await bench.look(f"job:{second.id}")
    assert (await bench.read(second)).remote.job_id is not None


async def test_c5_a_wrong_key_pauses_the_credential_and_one_call_finds_out_when_it_is_right(bench: RemoteBench) -> None:
    jobs = [await bench.ready() for _ in range(6)]
    bench.upstream.fail(*CREATE, WRONG_KEY, times=3)
    await bench.look(f"job:{jobs[0].id}")
    for rounds in (1, 2, 3):
        if rounds > 1:
            await bench.let_pass("write")
        await asyncio.gather(*(bench.look(f"job:{job.id}") for job in jobs))
        assert creates(bench) == rounds, "one call a pause"
        (pause,) = await bench.runtime.credentials.paused("remote")
        assert (pause.scope, pause.reason) == ("write", "unauthorized")
        assert pause.wait_s > 0.75 * UNAUTHORIZED.base_s
    await bench.let_pass("write")
    await asyncio.gather(*(bench.look(f"job:{job.id}") for job in jobs))
    assert creates(bench) == 4
    assert await bench.runtime.credentials.paused("remote") == []
    await asyncio.gather(*(bench.look(f"job:{job.id}") for job in jobs))
    assert {(await bench.read(job)).step for job in jobs} == {"waiting"}
    assert (await bench.told("provider.paused"), await bench.told("provider.resumed")) == (1, 1)


async def test_c5_reads_go_on_where_only_writes_are_refused(bench: RemoteBench) -> None:
    await open_jobs(bench.runtime, bench.upstream, 3)
    job = await bench.ready()
    bench.upstream.fail(*CREATE, WRONG_KEY)
    await bench.look(f"job:{job.id}")
    await bench.look("poll:remote")
    assert len(bench.upstream.sent(*LIST)) >= 1
    assert await bench.member_due_in_s("poll:remote") <= 15


async def test_c5_another_key_under_the_same_name_starts_afresh(bench: RemoteBench) -> None:
    store = bench.runtime.credentials
    await store.failed(WHO, "read", "unauthorized", UNAUTHORIZED)
    assert await store.admit(WHO, "read") is not None
    fresh = Credential(provider="remote", digest="e", requests_per_minute=0)
    assert await store.admit(fresh, "read") is None


async def test_c5_a_success_that_was_in_flight_closes_nothing(bench: RemoteBench) -> None:
    store = bench.runtime.credentials
    await store.failed(WHO, "read", "rate_limited", OUTAGE, retry_after_s=60)
    assert await store.succeeded(WHO, "read") is None
    refused = await store.admit(WHO, "read")
    assert refused is not None
    assert refused.wait_s > 50


async def test_c5_the_budget_is_shared_and_fills_again(bench: RemoteBench) -> None:
    stores = [CredentialStore(bench.runtime.redis) for _ in range(3)]
    who = Credential(provider="remote", digest="d", requests_per_minute=60)
    answers = await asyncio.gather(*(stores[number % 3].admit(who, "read") for number in range(60)))
    given = sum(answer is None for answer in answers)
    assert 20 <= given <= 22
    waits = [answer.wait_s for answer in answers if answer is not None]
    assert 0 < max(waits) <= 1.0
    key = keys.request_budget("remote")
    await bench.runtime.redis.hset(key, "at", str(await bench.runtime.due.now() - 10))
    answers = await asyncio.gather(*(stores[0].admit(who, "read") for _ in range(30)))
    assert 10 <= sum(answer is None for answer in answers) <= 12


async def test_c5_requests_are_counted_by_what_they_do(bench: RemoteBench) -> None:
    job = await bench.ready()
    bench.upstream.fail(*CREATE, error(500, "boom"))
    await bench.look(f"job:{job.id}")
    count = "upstream_requests_total"
    assert await bench.counted(count, provider="remote", operation="jobs.create", error_code="unclear") == 1
    assert await bench.counted(count, operation="files.create", error_code="none") == 1
    await open_jobs(bench.runtime, bench.upstream, 2)
    await bench.look("poll:remote")
    assert await bench.counted("poll_requests_total", provider="remote") >= 1


async def test_p1_an_outage_of_half_an_hour_fails_no_job_and_ends_within_two_rounds(
    bench: RemoteBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.providers.openai_connection._READ_TOTAL_PAUSE_S", 0.0)
    jobs = await open_jobs(bench.runtime, bench.upstream, 3)
    bench.upstream.fail("GET", ".*", DROP, times=10_000)
    spent = 0.0
    while spent < 1800:
        await bench.look("poll:remote")
        wait_s = await bench.member_due_in_s("poll:remote")
        assert wait_s <= OUTAGE_PAUSE_S * 1.3
        await let_pass(bench.runtime, wait_s)
        await bench.let_pass("read")
        spent += wait_s
    ages = await bench.runtime.freshness.staleness("remote")
    assert ages is not None
    assert ages.oldest_s > 1700
    assert len(bench.upstream.calls) < 150, "an outage is not hammered at"
    assert {job.status for job in await bench.runtime.jobs.get_many([job.id for job in jobs])} == {"running"}
    bench.upstream.faults.clear()
    await bench.look("poll:remote")
    ages = await bench.runtime.freshness.staleness("remote")
    assert ages is not None
    assert ages.oldest_s < 500
    assert await bench.member_due_in_s("poll:remote") <= 15


async def test_p1_an_outage_of_one_kind_opens_after_several_failures_and_not_before(bench: RemoteBench) -> None:
    store = bench.runtime.credentials
    for _ in range(OUTAGE.after - 1):
        assert not await store.failed(WHO, "read", "unavailable", OUTAGE)
    assert await store.admit(WHO, "read") is None
    await store.succeeded(WHO, "read")
    for _ in range(OUTAGE.after - 1):
        assert not await store.failed(WHO, "read", "unavailable", OUTAGE)
    assert await store.failed(WHO, "read", "unavailable", OUTAGE)
    assert await store.admit(WHO, "read") is not None
    assert await store.admit(WHO, "write") is None
