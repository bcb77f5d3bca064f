"""What went wrong is sent again: a range, named events, what a disabled endpoint missed; and a job's own deliveries."""

from typing import Any

import httpx2
import openai
import pytest

from service.core import clock, moves
from service.core.jobs import Hyperparameters, Input, Job, Method, Options
from service.core.webhooks import WebhookEndpoint, WebhookMessage
from service.runtime import Runtime
from service.store import webhook_keys
from tests.webhooks.conftest import endpoint, message, policy, send, settle
from tests.webhooks.receiver import FaultyReceiver
from workers.deliver import Deliverer
from workers.webhook_client import WebhookClient

BASE = int(clock.now()) - 86_400


@pytest.fixture
def deliverer(runtime: Runtime) -> Deliverer:
    return Deliverer(runtime.webhooks, WebhookClient(timeout_s=0.5), policy, draw=lambda: 0.0)


async def _ended(runtime: Runtime, deliverer: Deliverer, one: WebhookEndpoint, count: int) -> list[WebhookMessage]:
    """Send `count` messages to a new endpoint, an hour apart as its log shows them."""
    await runtime.webhooks.create(one, 1.0)
    sent = [message() for _ in range(count)]
    for number, each in enumerate(sent):
        await send(runtime.redis, each)
        await settle(deliverer)
        rows, _ = await runtime.webhooks.deliveries.page(one.id, after=None, limit=count)
        row = next(row for row in rows if row.message_id == each.id)
        await runtime.redis.zadd(webhook_keys.log(one.id), {row.id: float(BASE + 3_600 * number)})
    return sent


async def _resend(http: httpx2.AsyncClient, one: WebhookEndpoint, **body: Any) -> httpx2.Response:
    return await http.post(f"/webhook_endpoints/{one.id}/resend", json=body)


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ({"since": 0}, [0, 1, 2, 3]),
        ({"since": BASE + 3_600}, [1, 2, 3]),
        ({"since": BASE + 3_600, "until": BASE + 7_200}, [1, 2]),
        ({"since": BASE + 3_601, "until": BASE + 7_199}, []),
        ({"since": 0, "status": "failed"}, []),
        ({"since": 0, "status": "succeeded"}, [0, 1, 2, 3]),
        ({"event_ids": [0, 2, 0]}, [0, 2]),
    ],
)
async def test_w4_a_range_or_named_events_go_out_again(
    http: httpx2.AsyncClient,
    runtime: Runtime,
    receiver: FaultyReceiver,
    deliverer: Deliverer,
    body: dict[str, Any],
    numbers: list[int],
) -> None:
    one = endpoint(receiver.url())
    sent = await _ended(runtime, deliverer, one, 4)
    first = len(receiver.ledger)
    if "event_ids" in body:
        body = {"event_ids": [sent[number].id for number in body["event_ids"]]}
    answer = (await _resend(http, one, **body)).json()
    assert (answer["object"], answer["matched"], answer["resent"]) == (
        "webhook_endpoint.resend",
        len(numbers),
        len(numbers),
    )
    await settle(deliverer)
    assert {got.headers["webhook-id"] for got in receiver.ledger[first:]} == {sent[number].id for number in numbers}
    assert len(receiver.ledger) == first + len(numbers)


async def test_w4_what_a_disabled_endpoint_missed_can_be_had(
    http: httpx2.AsyncClient, runtime: Runtime, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    one = endpoint(receiver.url(), disabled_at=1, disabled_reason="failing")
    await runtime.webhooks.create(one, 1.0)
    begun = int(clock.now())
    await send(runtime.redis, message(), message())
    await settle(deliverer)
    rows = (await http.get(f"/webhook_endpoints/{one.id}/deliveries")).json()["data"]
    assert [(row["status"], row["reason"], row["attempt_count"]) for row in rows] == [
        ("failed", "endpoint_disabled", 0)
    ] * 2
    refused = await _resend(http, one, since=begun)
    assert (refused.status_code, "enable it first" in refused.json()["error"]["message"]) == (400, True)
    await http.post(f"/webhook_endpoints/{one.id}", json={"tunewright": {"enabled": True}})
    assert receiver.ledger == []
    assert (await _resend(http, one, since=begun)).json()["resent"] == 2
    await settle(deliverer)
    assert len(receiver.ledger) == 2


async def test_what_is_on_its_way_is_left_to_its_schedule(
    http: httpx2.AsyncClient, runtime: Runtime, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    one = endpoint(receiver.url("/status/500"))
    sent = await _ended(runtime, deliverer, one, 1)
    assert (await _resend(http, one, since=0)).json()["matched"] == 0
    assert (await _resend(http, one, event_ids=[sent[0].id])).json()["resent"] == 1, "named, it goes at once"
    await settle(deliverer)
    assert len(receiver.ledger) == 2
    await runtime.redis.delete(webhook_keys.message(sent[0].id))
    answer = (await _resend(http, one, event_ids=[sent[0].id])).json()
    assert (answer["matched"], answer["resent"]) == (1, 0), "its event is no longer kept"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "since"),
        ({"until": 5}, 400, "since"),
        ({"since": 1, "event_ids": ["evt_1"]}, 400, "since"),
        ({"status": "failed", "event_ids": ["evt_1"]}, 400, "since"),
        ({"since": 5, "until": 4}, 400, "until"),
        ({"since": -1}, 400, "since"),
        ({"since": 10**400}, 400, "since"),
        ({"since": 0, "status": "pending"}, 400, "status"),
        ({"event_ids": []}, 400, "event_ids"),
        ({"event_ids": ["evt_x"] * 1_001}, 400, "event_ids"),
        ({"event_ids": ["evt_\n"]}, 404, "event_ids[0]"),
        ({"since": 0, "more": 1}, 400, "more"),
    ],
)
async def test_a_wrong_question_is_named(
    http: httpx2.AsyncClient, runtime: Runtime, body: dict[str, Any], status: int, param: str
) -> None:
    one = endpoint("https://example.com/")
    await runtime.webhooks.create(one, 1.0)
    answer = await _resend(http, one, **body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert (await http.post("/webhook_endpoints/we_no/resend", json={"since": 0})).status_code == 404


async def test_a_range_larger_than_a_batch_is_one_request(
    http: httpx2.AsyncClient, runtime: Runtime, receiver: FaultyReceiver, deliverer: Deliverer
) -> None:
    one = endpoint(receiver.url(), disabled_at=1, disabled_reason="failing")
    await runtime.webhooks.create(one, 1.0)
    await send(runtime.redis, *(message() for _ in range(250)))
    await settle(deliverer)
    await http.post(f"/webhook_endpoints/{one.id}", json={"tunewright": {"enabled": True}})
    assert (await _resend(http, one, since=0)).json()["resent"] == 250
    assert (await runtime.webhooks.deliveries.backlog()).pending == 250


def _job(name: str, url: str | None) -> Job:
    return Job(
        id=name,
        created_at=1,
        model="tunewright-tiny",
        requested_model="tunewright-tiny",
        provider="local",
        method=Method(),
        training=Input(file_id="file-1", sha256="0" * 64, bytes=1, filename="f"),
        seed=1,
        hyperparameters=Hyperparameters(),
        options=Options(webhook_url=url),
    )


async def test_the_deliveries_of_a_job_are_listed_with_those_to_its_own_address(
    sdk: openai.AsyncOpenAI,
    http: httpx2.AsyncClient,
    runtime: Runtime,
    receiver: FaultyReceiver,
    deliverer: Deliverer,
) -> None:
    own = receiver.url("/ok/own")
    made = await sdk.webhooks.create(event_types=["fine_tuning.job.cancelled"], name="n", url=receiver.url("/ok/all"))
    for name in ("ftjob-one", "ftjob-two"):
        await runtime.jobs.create(moves.submit(_job(name, own)))
    await runtime.jobs.modify("ftjob-one", lambda job: moves.cancel(job, clock.now()))
    await settle(deliverer)
    path = "/fine_tuning/jobs/ftjob-one/deliveries"
    rows = (await http.get(path)).json()["data"]
    assert {(row["event"]["type"], row["webhook_endpoint_id"], row["url"]) for row in rows} == {
        ("fine_tuning.job.created", None, own),
        ("fine_tuning.job.cancelled", None, own),
        ("fine_tuning.job.cancelled", made.id, receiver.url("/ok/all")),
    }
    assert {row["fine_tuning_job_id"] for row in rows} == {"ftjob-one"}
    assert all(row["attempts"][0]["status_code"] == 200 for row in rows)
    first = (await http.get(path, params={"limit": 2})).json()
    rest = (await http.get(path, params={"limit": 2, "after": first["last_id"]})).json()
    assert [row["id"] for row in first["data"] + rest["data"]] == [row["id"] for row in rows]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert (await http.get("/fine_tuning/jobs/ftjob-no/deliveries")).status_code == 404
    again = next(row for row in rows if row["url"] == own)
    assert (await http.post(f"/webhook_deliveries/{again['id']}/resend")).json()["status"] == "pending"
    await settle(deliverer)
    assert len(receiver.at("/ok/own")) == 4
