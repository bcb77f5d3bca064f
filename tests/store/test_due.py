"""The due set: who may work on what, and that no ring is ever lost."""

import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from service.core import clock
from service.store import due
from service.store.due import Claim, DueStore, LeaseLost
from service.store.redis import connect
from tests.faults.tcp_proxy import TcpProxy


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> DueStore:
    return DueStore(redis)


async def claimed(store: DueStore, member: str, lease_s: float = 30.0) -> Claim:
    claim = await store.claim(member, lease_s)
    assert claim is not None
    return claim


async def test_take_hands_out_what_is_due_once_and_says_when_the_next_is(store: DueStore) -> None:
    await store.ring("job:a")
    await store.ring("job:later", delay_s=50)
    members, wait_s = await store.take(10, hold_s=5)
    assert members == ["job:a"]
    assert wait_s == pytest.approx(5, abs=0.5)
    assert (await store.take(10, hold_s=5))[0] == []


async def test_take_obeys_its_limit(store: DueStore) -> None:
    for number in range(5):
        await store.ring(f"job:{number}")
    assert len((await store.take(3, hold_s=5))[0]) == 3
    assert len((await store.take(3, hold_s=5))[0]) == 2


async def test_only_one_claim_at_a_time(store: DueStore) -> None:
    await store.ring("job:a")
    first = await claimed(store, "job:a")
    assert await store.claim("job:a", 30) is None
    await store.settle(first, 0.0)
    assert (await claimed(store, "job:a")).token != first.token


async def test_what_is_not_due_can_not_be_claimed(store: DueStore) -> None:
    assert await store.claim("job:nobody", 30) is None


async def test_a_settled_member_is_gone_and_a_delayed_one_comes_back(store: DueStore) -> None:
    await store.ring("job:a")
    await store.settle(await claimed(store, "job:a"), None)
    assert await store.claim("job:a", 30) is None
    await store.ring("job:b")
    began = time.monotonic()
    await store.settle(await claimed(store, "job:b"), 20.0)
    members, wait_s = await store.take(10, hold_s=5)
    assert members == []
    assert 20 - (time.monotonic() - began) - 0.1 <= wait_s <= 20.1


async def test_a_ring_during_a_claim_is_not_lost(store: DueStore) -> None:
    await store.ring("job:a")
    claim = await claimed(store, "job:a")
    await store.ring("job:a")
    await store.settle(claim, None)
    assert (await store.take(10, hold_s=5))[0] == ["job:a"]


async def test_a_lost_lease_can_neither_renew_nor_settle(store: DueStore, redis: Redis) -> None:
    await store.ring("job:a")
    late = await claimed(store, "job:a", lease_s=0.05)
    await redis.pexpire("tw:lease:job:a", 1)
    while await redis.exists("tw:lease:job:a"):
        pass
    current = await claimed(store, "job:a")
    with pytest.raises(LeaseLost):
        await store.renew(late)
    await store.settle(late, None)
    await store.renew(current)
    assert await redis.zscore("tw:due", "job:a") is not None


async def test_an_earlier_ring_wins_over_a_later_one(store: DueStore, redis: Redis) -> None:
    await store.ring("job:a")
    await store.ring("job:a", delay_s=100)
    assert (await store.take(10, hold_s=5))[0] == ["job:a"]


async def test_the_bell_holds_one_ring_however_often_it_is_rung(store: DueStore, redis: Redis) -> None:
    for number in range(50):
        await store.ring(f"job:{number}")
    assert await redis.llen("tw:bell") == 1


async def test_a_ring_in_a_transaction_that_is_dropped_leaves_nothing(store: DueStore, redis: Redis) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        due.ring(pipe, "job:a")
    assert (await store.take(10, hold_s=5))[0] == []
    assert await store.overdue() == (0, 0.0)


async def test_what_was_rung_first_is_taken_first(store: DueStore) -> None:
    order = [f"job:{name}" for name in ("m", "z", "a", "q", "b")]
    for each in order:
        await store.ring(each)
    assert (await store.take(10, hold_s=5))[0] == order


async def test_a_claim_whose_reply_was_lost_is_the_callers_all_the_same(redis_url: str, tmp_path: Path) -> None:
    """Without the nonce in the lease the second sending of the same call finds the item held, for a whole lease."""
    path = Path(tempfile.mkdtemp(prefix="tw-d-")) / "p.sock"
    async with TcpProxy(Path(redis_url.removeprefix("unix://")), path) as proxy:
        client = connect(f"unix://{path}")
        store = DueStore(client)
        await store.ring("job:a")
        rule = proxy.on(b"INCR", "lose_reply")
        claim = await claimed(store, "job:a")
        assert rule.done == 1
        assert await store.claim("job:a", 30.0) is None
        await store.renew(claim)
        await client.aclose()
    shutil.rmtree(path.parent)


async def test_the_time_is_that_of_redis_whatever_the_host_says(
    store: DueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = clock.now()
    monkeypatch.setattr(clock, "now", lambda: 0.0)
    assert await store.now() == pytest.approx(before, abs=5)
