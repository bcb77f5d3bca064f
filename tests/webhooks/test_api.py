"""The webhook routes through the unmodified SDK with strict validation, and what the SDK does not know over HTTP."""

from typing import Any

import httpx2
import openai
import pytest

from service.core import clock
from service.core.webhook_types import EVENT_TYPES, SENT_EVENT_TYPES
from service.runtime import Runtime
from tests.webhooks.conftest import message, send
from tests.webhooks.receiver import FaultyReceiver
from workers.deliver import Deliverer

HTTPS = "https://hooks.example.com/tunewright"


async def test_the_life_of_an_endpoint_through_the_sdk(sdk: openai.AsyncOpenAI) -> None:
    made = await sdk.webhooks.create(event_types=["fine_tuning.job.succeeded"], name="first", url=HTTPS)
    assert made.signing_secret.startswith("whsec_")
    found = await sdk.webhooks.retrieve(made.id)
    assert found.to_dict().keys().isdisjoint({"signing_secret"})
    assert (found.name, found.url, found.event_types) == ("first", HTTPS, ["fine_tuning.job.succeeded"])
    assert found.signing_secret_hint == made.signing_secret_hint
    same = await sdk.webhooks.update(made.id, name="first")
    assert same.updated_at == made.updated_at
    changed = await sdk.webhooks.update(made.id, name="second", event_types=["batch.completed"])
    assert (changed.name, changed.url, changed.event_types) == ("second", HTTPS, ["batch.completed"])
    rotated = await sdk.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert rotated.signing_secret != made.signing_secret
    await sdk.webhooks.rotate_secret(made.id)
    deleted = await sdk.webhooks.delete(made.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (made.id, True, "webhook_endpoint.deleted")
    with pytest.raises(openai.NotFoundError):
        await sdk.webhooks.retrieve(made.id)
    assert (await sdk.webhooks.event_types.list()).data == list(SENT_EVENT_TYPES)


async def test_pages_go_newest_first(sdk: openai.AsyncOpenAI) -> None:
    made = [await sdk.webhooks.create(event_types=[name], name=name, url=HTTPS) for name in EVENT_TYPES[:5]]  # type: ignore
    page = await sdk.webhooks.list(limit=2)
    assert page.has_more
    assert [one.id async for one in page] == [one.id for one in reversed(made)]
    with pytest.raises(openai.BadRequestError):
        await sdk.webhooks.list(after="we_nothing")


async def test_a_test_tells_what_the_receiver_answered(
    sdk: openai.AsyncOpenAI, receiver: FaultyReceiver, delivering: Deliverer
) -> None:
    made = await sdk.webhooks.create(event_types=["dataset.ready"], name="n", url=receiver.url("/status/418"))  # type: ignore
    result = await sdk.webhooks.test(made.id, event_type="fine_tuning.job.failed")
    assert (result.status_code, result.success, result.event_type) == (418, True, "fine_tuning.job.failed")
    (got,) = receiver.ledger
    event = sdk.webhooks.unwrap(got.body, got.headers, secret=made.signing_secret)
    assert event.type == "fine_tuning.job.failed"
    rotated = await sdk.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    await sdk.webhooks.test(made.id, event_type="fine_tuning.job.failed")
    for secret in (made.signing_secret, rotated.signing_secret):
        sdk.webhooks.verify_signature(receiver.ledger[1].body, receiver.ledger[1].headers, secret=secret)
    await sdk.webhooks.update(made.id, url=receiver.url("/cut"))
    with pytest.raises(openai.BadRequestError, match="could not be reached: bad_answer"):
        await sdk.webhooks.test(made.id, event_type="fine_tuning.job.failed")


async def test_deliveries_are_listed_and_sent_again(
    sdk: openai.AsyncOpenAI,
    http: httpx2.AsyncClient,
    runtime: Runtime,
    receiver: FaultyReceiver,
    delivering: Deliverer,
) -> None:
    receiver.status = 410
    made = await sdk.webhooks.create(event_types=["fine_tuning.job.succeeded"], name="n", url=receiver.url("/switch"))
    await send(runtime.redis, message())
    await receiver.wait_for(1, "/switch")
    await delivering.idle()
    (row,) = (await http.get(f"/webhook_endpoints/{made.id}/deliveries")).json()["data"]
    assert (row["status"], row["reason"], row["attempts"][0]["status_code"]) == ("failed", "gone", 410)
    assert (row["url"], row["webhook_endpoint_id"]) == (receiver.url("/switch"), made.id)
    resend = f"/webhook_deliveries/{row['id']}/resend"
    assert (await http.post(resend)).status_code == 400, "sent to a disabled endpoint"
    receiver.status = 204
    await http.post(f"/webhook_endpoints/{made.id}", json={"tunewright": {"enabled": True}})
    assert (await http.post(resend)).json()["id"] == row["id"]
    await receiver.wait_for(2, "/switch")
    await delivering.idle()
    again = (await http.get(f"/webhook_deliveries/{row['id']}")).json()
    assert (again["status"], again["attempt_count"], again["url"]) == ("succeeded", 2, receiver.url("/switch"))
    assert (await http.post("/webhook_deliveries/whd_no/resend")).status_code == 404
    await sdk.webhooks.delete(made.id)
    assert (await http.get(f"/webhook_deliveries/{row['id']}")).json()["url"] is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"event_types": [], "name": "n", "url": HTTPS}, "event_types"),
        ({"event_types": ["dataset.ready", "nothing"], "name": "n", "url": HTTPS}, "event_types[1]"),
        ({"event_types": ["dataset.ready"], "name": "", "url": HTTPS}, "name"),
        ({"event_types": ["dataset.ready"], "name": "a\nb", "url": HTTPS}, "name"),
        ({"event_types": ["dataset.ready"], "name": "n", "url": "https://10.0.0.1/"}, "url"),
        ({"event_types": ["dataset.ready"], "name": "n", "url": "https://u:p@example.com/"}, "url"),
        ({"event_types": ["dataset.ready"], "name": "n"}, "url"),
        ({"event_types": "dataset.ready", "name": "n", "url": HTTPS}, "event_types"),
        ({"event_types": ["dataset.ready"], "name": "n", "url": HTTPS, "more": 1}, "more"),
    ],
)
async def test_what_is_wrong_is_named(http: httpx2.AsyncClient, body: dict[str, Any], param: str) -> None:
    answer = await http.post("/webhook_endpoints", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert (await http.get("/webhook_endpoints")).json()["data"] == []


async def test_equal_creates_make_one_endpoint(http: httpx2.AsyncClient) -> None:
    body = {"event_types": ["dataset.ready"], "name": "n", "url": HTTPS}
    headers = {"idempotency-key": "once"}
    first, second = [await http.post("/webhook_endpoints", json=body, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len((await http.get("/webhook_endpoints")).json()["data"]) == 1
    path = f"/webhook_endpoints/{first.json()['id']}/rotate_secret"
    rotated = [(await http.post(path, headers=headers)).json()["signing_secret"] for _ in range(2)]
    assert rotated[0] == rotated[1] != first.json()["signing_secret"]


async def test_the_first_key_closes_loopback(http: httpx2.AsyncClient, runtime: Runtime) -> None:
    body = {"event_types": ["dataset.ready"], "name": "n", "url": "http://127.0.0.1:9/"}
    assert (await http.post("/webhook_endpoints", json=body)).status_code == 200
    _, key = await runtime.keys.create("first", clock.now())
    answer = await http.post("/webhook_endpoints", json=body, headers={"authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_webhook_url")


async def test_a_test_without_a_deliverer_says_so(
    http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    monkeypatch.setattr("service.api.webhooks._TEST_S", 0.1)
    body = {"event_types": ["dataset.ready"], "name": "n", "url": HTTPS}
    made = (await http.post("/webhook_endpoints", json=body)).json()
    answer = await http.post(f"/webhook_endpoints/{made['id']}/test", json={"event_type": "dataset.ready"})
    assert answer.status_code == 503
    assert (await runtime.webhooks.deliveries.claim(slots=5)).deliveries == ()
    assert answer.headers["retry-after"] == "5"
