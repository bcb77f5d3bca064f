"""Messages reach the receivers that want them, once each, signed, whatever the receivers do."""

import time
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from openai import OpenAI
from redis.asyncio import Redis

from service.core import clock
from service.core.webhooks import PATIENCE_S, WebhookDelivery, WebhookEndpoint, give_up, next_round
from service.store import counters, webhook_keys
from service.store.invariants import violations
from service.store.webhooks import WebhookStore
from tests.waiting import until_async
from tests.webhooks.conftest import TRY_S, endpoint, message, send, settle
from tests.webhooks.receiver import FaultyReceiver
from workers.deliver import Deliverer

Tried = Callable[[str], Awaitable[WebhookEndpoint]]


@pytest.fixture
def tried(store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer) -> Tried:
    """Makes an endpoint at a path of the receiver, to which one message was sent and tried."""

    async def once(path: str) -> WebhookEndpoint:
        one = endpoint(receiver.url(path))
        await store.create(one, 1.0)
        await send(redis, message())
        await settle(deliverer)
        return one

    return once


async def _only(store: WebhookStore, owner: str) -> WebhookDelivery:
    (row,), _ = await store.deliveries.page(owner, after=None, limit=10)
    return row


async def test_a_message_reaches_those_who_want_it_and_the_job_s_own_address(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    wants = endpoint(receiver.url("/ok/wants"), "fine_tuning.job.succeeded")
    for one in (wants, endpoint(receiver.url("/ok/not"), "fine_tuning.job.failed")):
        await store.create(one, 1.0)
    await send(redis, message(extra_url=receiver.url("/ok/own")))
    await settle(deliverer)
    assert sorted(received.path for received in receiver.ledger) == ["/ok/own", "/ok/wants"]
    (own,), (other,) = receiver.at("/ok/own"), receiver.at("/ok/wants")
    client = OpenAI(api_key="x")
    event = client.webhooks.unwrap(own.body, own.headers, secret=await store.service_secret())
    assert (event.type, event.object, event.data.id) == ("fine_tuning.job.succeeded", "event", "ftjob-1")
    client.webhooks.verify_signature(other.body, other.headers, secret=wants.secret)
    row = await _only(store, wants.id)
    assert (row.status, row.attempt_count, row.attempts[0].status_code) == ("succeeded", 1, 200)
    assert (await store.deliveries.backlog()).pending == 0


@pytest.mark.parametrize(
    ("path", "status", "error", "pause"),
    [
        ("/status/500", 500, None, 5.0),
        ("/status/404", 404, None, 5.0),
        ("/status/304", 304, None, 5.0),
        ("/redirect", 307, None, 5.0),
        ("/later", 429, None, 120.0),
        ("/hang", None, "timeout", 60.0),
        ("/dripping-head", None, "timeout", 60.0),
        ("/cut", None, "bad_answer", 5.0),
        ("/headers", None, "bad_answer", 5.0),
        ("/nonsense", None, "bad_answer", 5.0),
    ],
)
async def test_w1_a_failed_try_is_kept_and_tried_again(
    tried: Tried,
    store: WebhookStore,
    receiver: FaultyReceiver,
    path: str,
    status: int | None,
    error: str | None,
    pause: float,
) -> None:
    began = time.monotonic()
    one = await tried(path)
    took_s = time.monotonic() - began
    row = await _only(store, one.id)
    (attempt,) = row.attempts
    assert (row.status, attempt.status_code, attempt.error) == ("pending", status, error)
    assert row.next_attempt_at is not None
    late_s = row.next_attempt_at - (attempt.started_at + attempt.duration_s + pause)
    assert -0.3 <= late_s <= max(0.3, took_s - attempt.duration_s)
    assert (await store.deliveries.backlog()).pending == 1
    assert not receiver.at("/internal"), "a redirect was followed"


@pytest.mark.parametrize("path", ["/bomb", "/endless", "/drip"])
async def test_w1_what_follows_a_good_status_is_neither_believed_nor_kept(
    tried: Tried, store: WebhookStore, path: str
) -> None:
    one = await tried(path)
    row = await _only(store, one.id)
    assert (row.status, row.attempts[0].duration_s < TRY_S + 0.1) == ("succeeded", True)


async def test_w4_410_disables_the_endpoint_and_says_so(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    gone = endpoint(receiver.url("/status/410"), "fine_tuning.job.succeeded")
    watcher = endpoint(receiver.url("/ok"), "webhook_endpoint.disabled")
    await store.create(gone, 1.0)
    await store.create(watcher, 2.0)
    await send(redis, message())
    await settle(deliverer)
    await send(redis, message())
    await settle(deliverer)
    assert len(receiver.at("/status/410")) == 1
    (told,) = receiver.at("/ok")
    assert msgspec.json.decode(told.body)["data"]["id"] == gone.id
    assert (await store.get(gone.id)).disabled_reason == "gone"
    missed, refused = (await store.deliveries.page(gone.id, after=None, limit=10))[0]
    assert (refused.reason, refused.attempt_count, missed.reason, missed.attempt_count) == (
        "gone",
        1,
        "endpoint_disabled",
        0,
    )
    assert (await store.deliveries.backlog()).pending == 0


async def test_w2_a_second_fan_out_and_a_late_worker_change_nothing(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    one = endpoint(receiver.url())
    await store.create(one, 1.0)
    sent = message()
    await send(redis, sent)
    late = await store.deliveries.claim(slots=10)  # claims the message, as a worker would that dies now
    assert late.messages == (sent.id,)
    await send(redis, sent)  # a lost reply makes the client send its MULTI again
    await settle(deliverer)
    await send(redis, sent)
    await settle(deliverer)
    assert len(receiver.at("/ok")) == 1


async def test_w2_the_lease_of_a_dead_worker_ends_and_its_late_answer_is_refused(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    one = endpoint(receiver.url())
    await store.create(one, 1.0)
    await send(redis, message())
    await deliverer.look()  # fans out
    claimed = await store.deliveries.claim(slots=10, lease_s=1.0)
    (claim,) = claimed.deliveries
    assert (await store.deliveries.claim(slots=10)).deliveries == (), "claimed twice"
    rows = await store.deliveries.load([claim.id])

    async def has_come() -> bool:
        await settle(deliverer)
        return bool(receiver.ledger)

    await until_async(has_come, "it has come")
    await store.deliveries.finish(claim, give_up(rows[claim.id], "late"))
    assert (await _only(store, one.id)).status == "succeeded"


async def test_w4_a_resent_delivery_begins_its_schedule_anew(
    tried: Tried, store: WebhookStore, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    receiver.status = 500
    one = await tried("/switch")
    receiver.status = 200
    row = await _only(store, one.id)
    assert await store.deliveries.resend([next_round(row, clock.now())]) == 1
    await settle(deliverer)
    row = await _only(store, one.id)
    assert (row.status, row.attempt_count, [attempt.status_code for attempt in row.attempts]) == (
        "succeeded",
        2,
        [500, 200],
    )
    assert len({received.headers["webhook-id"] for received in receiver.ledger}) == 1


async def test_w4_an_endpoint_that_only_failed_for_five_days_is_disabled(
    tried: Tried, store: WebhookStore, redis: Redis, deliverer: Deliverer
) -> None:
    one = await tried("/status/500")
    assert (await store.get(one.id)).disabled_at is None
    await redis.hset(webhook_keys.health(one.id), "failing_since", str(clock.now() - PATIENCE_S - 1))
    await send(redis, message())
    await settle(deliverer)
    assert (await store.get(one.id)).disabled_reason == "failing"
    assert (await redis.zcard(webhook_keys.LANE + one.id)) == 2, "what waits is given up when it falls due, not before"


async def test_what_waits_for_a_deleted_endpoint_is_given_up(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    one = endpoint(receiver.url())
    await store.create(one, 1.0)
    await send(redis, message())
    await deliverer.look()
    await store.delete(one.id)
    await deliverer._read_endpoints()  # pyright: ignore[reportPrivateUsage]
    await settle(deliverer)
    row = await _only(store, one.id)
    assert (row.status, row.reason, row.attempts, receiver.ledger) == ("failed", "endpoint_deleted", (), [])
    backlog = await store.deliveries.backlog()
    assert (backlog.pending, backlog.dead) == (0, 1)


async def test_an_overloaded_receiver_is_spared_and_then_gets_it_all(
    tried: Tried, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    receiver.status = 503
    one = await tried("/switch")
    await send(redis, message(), message())
    await settle(deliverer)
    assert len(receiver.ledger) == 1
    receiver.status = 200
    await redis.hdel(webhook_keys.health(one.id), "hold_until")  # the second that it is spared is over
    await redis.zadd(webhook_keys.DUE, {one.id: 0})
    await settle(deliverer)
    assert len(receiver.ledger) == 3


async def test_each_try_is_counted(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    await store.create(endpoint(receiver.url("/ok")), 1.0)
    await store.create(endpoint(receiver.url("/status/500")), 2.0)
    await store.create(endpoint(receiver.url("/cut")), 3.0)
    await send(redis, message(), message())
    await settle(deliverer)
    samples = {
        (sample.name, *(value for _, value in sample.labels)): sample.value for sample in await counters.read(redis)
    }
    assert samples["webhook_attempts_total", "succeeded", "2xx"] == 2
    assert samples["webhook_attempts_total", "failed", "5xx"] == 2
    assert samples["webhook_attempts_total", "failed", "bad_answer"] == 2


async def test_nothing_is_left_behind_without_a_time_limit(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    await store.create(endpoint(receiver.url()), 1.0)
    await send(redis, *(message() for _ in range(5)))
    await settle(deliverer)
    kept = [key.decode() async for key in redis.scan_iter("tw:*") if await redis.ttl(key) == -1]
    documented = {"tw:bell:webhooks", "tw:counters", "tw:webhook:endpoints", "tw:webhook:endpoints:version"}
    assert {key for key in kept if not key.startswith("tw:webhook:endpoint:we_")} <= documented


async def test_r7_a_delivery_that_only_a_newer_version_can_read_is_left_to_it(
    tried: Tried, store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    one = await tried("/status/500")
    row = await _only(store, one.id)
    name, lane, busy = webhook_keys.delivery(row.id), webhook_keys.LANE + one.id, webhook_keys.BUSY + one.id
    readable = await redis.get(name)
    await redis.set(name, readable.replace(b'"attempts":[{', b'"attempts":[{"error":"of_next_year",'))
    await redis.zadd(lane, {row.id: 1.0})
    await redis.zadd(webhook_keys.DUE, {one.id: 1.0})
    await settle(deliverer)
    assert len(receiver.ledger) == 1
    assert (await store.deliveries.backlog()).pending == 1
    await redis.set(name, readable)  # as a newer deliverer reads it, when the lease has ended
    await redis.zadd(busy, {row.id: 1.0})
    await redis.zadd(webhook_keys.DUE, {one.id: 1.0})
    await settle(deliverer)
    assert len(receiver.ledger) == 2


@pytest.mark.parametrize("path", ["/slow", "/hang", "/status/410"])
async def test_w4_an_endpoint_deleted_during_a_try_leaves_nothing_to_do(
    store: WebhookStore, redis: Redis, receiver: FaultyReceiver, deliverer: Deliverer, path: str
) -> None:
    one = endpoint(receiver.url(path))
    await store.create(one, 1.0)
    await send(redis, message(), message())
    await deliverer.look()
    await deliverer.look()
    await receiver.wait_for(1, path)
    await store.delete(one.id)
    await deliverer.idle()
    await redis.zadd(webhook_keys.DUE, {one.id: 1.0})
    for row, _ in await redis.zrange(webhook_keys.LANE + one.id, 0, -1, withscores=True):
        await redis.zadd(webhook_keys.LANE + one.id, {row: 1.0})
    await redis.hdel(webhook_keys.health(one.id), "hold_until")
    await settle(deliverer)
    assert len(receiver.ledger) == 1
    assert (await store.deliveries.backlog()).pending == 0
    assert await violations(redis) == []
