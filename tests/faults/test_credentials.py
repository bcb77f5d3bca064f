"""C5 and P1 of reliability §3: refusals and outages stop all workers together, and one call finds out when they end.

Mutations that these tests catch: `_ADMIT` always giving leave (all fail); a success that closes an open circuit
(`in_flight`); the probe not held (`one_call`); `scope_of` the same for all (`reads_go_on`); Retry-After left out.
"""

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest

from service.core import clock
from service.core.credentials import OUTAGE, UNAUTHORIZED
from service.settings import ProviderSettings
from service.store import keys
from service.store.credentials import Credential, CredentialStore
from tests.faults.open_jobs import let_pass, open_jobs
from tests.faults.remote_bench import RemoteBench
from tests.providers.upstream import DROP, error
from workers.providers.gate import Call, Gate, shared_gate
from workers.providers.protocol import ProviderError
from workers.steps.poll import OUTAGE_PAUSE_S

CREATE = ("POST", "/fine_tuning/jobs")
LIST = ("GET", "/fine_tuning/jobs")
WRONG_KEY = error(401, "Incorrect API key provided", "invalid_api_key")
WHO = Credential(provider="remote", digest="d", requests_per_minute=0)


def creates(rig: RemoteBench) -> int:
    return len(rig.upstream.sent(*CREATE))


@pytest.mark.parametrize(
    ("header", "least_s"), [("7", 7.0), ("180", 180.0), ("date", 170.0), (None, 1.0)], ids=["7", "180", "date", "none"]
)
async def test_c5_what_the_provider_asks_to_wait_is_waited_by_all(
    rig: RemoteBench, header: str | None, least_s: float
) -> None:
    first, second = await rig.ready(), await rig.ready()
    value = formatdate(clock.now() + 180, usegmt=True) if header == "date" else header
    refusal = error(429, "slow down", "rate_limit_exceeded", headers={"retry-after": value} if value else {})
    rig.upstream.fail(*CREATE, refusal)
    began = time.monotonic()
    await rig.look(f"job:{first.id}")
    assert await rig.due_in_s(first) + time.monotonic() - began >= least_s - 0.1
    if header is None:
        return
    for _ in range(3):
        await rig.look(f"job:{second.id}")
    assert creates(rig) == 1
    assert await rig.due_in_s(second) + time.monotonic() - began >= least_s - 0.1
    await rig.let_pass("write")
    await rig.look(f"job:{second.id}")
    assert (await rig.read(second)).remote.job_id is not None


async def test_c5_a_wrong_key_pauses_the_credential_and_one_call_finds_out_when_it_is_right(rig: RemoteBench) -> None:
    jobs = [await rig.ready() for _ in range(6)]
    rig.upstream.fail(*CREATE, WRONG_KEY, times=3)
    await rig.look(f"job:{jobs[0].id}")
    for rounds in (1, 2, 3):
        if rounds > 1:
            await rig.let_pass("write")
        await asyncio.gather(*(rig.look(f"job:{job.id}") for job in jobs))
        assert creates(rig) == rounds, "one call a pause"
        (pause,) = await rig.runtime.credentials.paused("remote")
        assert (pause.scope, pause.reason) == ("write", "unauthorized")
        assert pause.wait_s > 0.75 * UNAUTHORIZED.base_s
    await rig.let_pass("write")
    await asyncio.gather(*(rig.look(f"job:{job.id}") for job in jobs))
    assert creates(rig) >= 4, "once it goes on, others may come in time"
    assert await rig.runtime.credentials.paused("remote") == []
    await asyncio.gather(*(rig.look(f"job:{job.id}") for job in jobs))
    assert {(await rig.read(job)).step for job in jobs} == {"waiting"}
    assert (await rig.told("provider.paused"), await rig.told("provider.resumed")) == (1, 1)


async def test_c5_reads_go_on_where_only_writes_are_refused(rig: RemoteBench) -> None:
    await open_jobs(rig.runtime, rig.upstream, 3)
    job = await rig.ready()
    rig.upstream.fail(*CREATE, WRONG_KEY)
    await rig.look(f"job:{job.id}")
    await rig.look("poll:remote")
    assert len(rig.upstream.sent(*LIST)) >= 1
    assert await rig.member_due_in_s("poll:remote") <= 15


async def test_c5_another_key_under_the_same_name_starts_afresh(rig: RemoteBench) -> None:
    store = rig.runtime.credentials
    await store.failed(WHO, "read", "unauthorized", UNAUTHORIZED)
    assert await store.admit(WHO, "read") is not None
    fresh = Credential(provider="remote", digest="e", requests_per_minute=0)
    assert await store.admit(fresh, "read") is None


SAME = {"base_url": "http://127.0.0.1:9/v1", "api_key": "k-" + "1" * 20, "organization": "o"}


def gates(rig: RemoteBench, **changes: Any) -> list[Gate]:
    """Return the gates of a provider with `SAME` settings and of another one that differs by `changes`."""
    tables = {"one": ProviderSettings(**SAME), "two": ProviderSettings(**{**SAME, **changes})}
    return [shared_gate(rig.runtime.redis, name, table, 60.0) for name, table in tables.items()]


@pytest.mark.parametrize("changes", [{}, {"base_url": "http://127.0.0.1:9/v1/"}], ids=["equal", "slash"])
async def test_c5_two_providers_with_one_credential_have_one_budget_and_stop_together(
    rig: RemoteBench, changes: dict[str, Any]
) -> None:
    one, two = gates(rig, **changes)
    for number in range(20):
        await (one, two)[number % 2].admit(("read",))
    with pytest.raises(ProviderError) as refused:
        await one.admit(("read",))
    assert refused.value.reason == "rate_limited"
    call = Call(operation="jobs.create", scopes=("write",), seconds=0.1)
    await one.heard(call, ProviderError("unauthorized", "no", retryable=False))
    with pytest.raises(ProviderError, match="two is not asked now"):
        await two.admit(("write",))
    for name in ("one", "two"):
        (pause,) = await rig.runtime.credentials.paused(name)
        assert (pause.scope, pause.reason) == ("write", "unauthorized")
    assert [key async for key in rig.runtime.redis.scan_iter("*k-1*")] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "k-2"},
        {"project": "p"},
        {"organization": None},
        {"base_url": "http://127.0.0.1:8/v1"},
        {"extra_headers": {"api-key": "k-2"}},
    ],
    ids=["key", "project", "organization", "address", "header"],
)
async def test_c5_what_has_another_credential_goes_on(rig: RemoteBench, changes: dict[str, Any]) -> None:
    one, two = gates(rig, **changes)
    await one.admit(("read",))
    call = Call(operation="jobs.list", scopes=("read",), seconds=0.1)
    await one.heard(call, ProviderError("unauthorized", "no", retryable=False))
    await two.admit(("read",))
    assert await rig.runtime.credentials.paused("two") == []


async def test_c5_a_success_that_was_in_flight_closes_nothing(rig: RemoteBench) -> None:
    store = rig.runtime.credentials
    await store.failed(WHO, "read", "rate_limited", OUTAGE, retry_after_s=60)
    assert await store.succeeded(WHO, "read") is None
    refused = await store.admit(WHO, "read")
    assert refused is not None
    assert refused.wait_s > 50


async def test_c5_the_budget_is_shared_and_fills_again(rig: RemoteBench) -> None:
    stores = [CredentialStore(rig.runtime.redis) for _ in range(3)]
    who = Credential(provider="remote", digest="d", requests_per_minute=60)
    answers = await asyncio.gather(*(stores[number % 3].admit(who, "read") for number in range(60)))
    given = sum(answer is None for answer in answers)
    assert 20 <= given <= 22
    waits = [answer.wait_s for answer in answers if answer is not None]
    assert 0 < max(waits) <= 1.0
    key = keys.request_budget(who.digest)
    await rig.runtime.redis.hset(key, "at", str(await rig.runtime.due.now() - 10))
    answers = await asyncio.gather(*(stores[0].admit(who, "read") for _ in range(30)))
    assert 10 <= sum(answer is None for answer in answers) <= 12


async def test_c5_requests_are_counted_by_what_they_do(rig: RemoteBench) -> None:
    job = await rig.ready()
    rig.upstream.fail(*CREATE, error(500, "boom"))
    await rig.look(f"job:{job.id}")
    count = "upstream_requests_total"
    assert await rig.counted(count, provider="remote", operation="jobs.create", error_code="unclear") == 1
    assert await rig.counted(count, operation="files.create", error_code="none") == 1
    await open_jobs(rig.runtime, rig.upstream, 2)
    await rig.look("poll:remote")
    assert await rig.counted("poll_requests_total", provider="remote") >= 1


async def test_p1_an_outage_of_half_an_hour_fails_no_job_and_ends_within_two_rounds(
    rig: RemoteBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.providers.openai_connection._READ_TOTAL_PAUSE_S", 0.0)
    jobs = await open_jobs(rig.runtime, rig.upstream, 3)
    rig.upstream.fail("GET", ".*", DROP, times=10_000)
    spent = 0.0
    while spent < 1800:
        await rig.look("poll:remote")
        wait_s = await rig.member_due_in_s("poll:remote")
        assert wait_s <= OUTAGE_PAUSE_S * 1.3
        await let_pass(rig.runtime, wait_s)
        await rig.let_pass("read")
        spent += wait_s
    ages = await rig.runtime.freshness.staleness("remote")
    assert ages is not None
    assert ages.oldest_s > 1700
    assert len(rig.upstream.calls) < 150, "an outage is not hammered at"
    assert {job.status for job in await rig.runtime.jobs.get_many([job.id for job in jobs])} == {"running"}
    rig.upstream.faults.clear()
    await rig.look("poll:remote")
    ages = await rig.runtime.freshness.staleness("remote")
    assert ages is not None
    assert ages.oldest_s < 500
    assert await rig.member_due_in_s("poll:remote") <= 15


async def test_p1_an_outage_of_one_kind_opens_after_several_failures_and_not_before(rig: RemoteBench) -> None:
    store = rig.runtime.credentials
    for _ in range(OUTAGE.after - 1):
        assert not await store.failed(WHO, "read", "unavailable", OUTAGE)
    assert await store.admit(WHO, "read") is None
    await store.succeeded(WHO, "read")
    for _ in range(OUTAGE.after - 1):
        assert not await store.failed(WHO, "read", "unavailable", OUTAGE)
    assert await store.failed(WHO, "read", "unavailable", OUTAGE)
    assert await store.admit(WHO, "read") is not None
    assert await store.admit(WHO, "write") is None
