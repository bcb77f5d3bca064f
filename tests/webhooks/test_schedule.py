"""When a delivery is tried again, with a clock and a jitter of our own."""

import msgspec
import pytest

from service.core.webhook_types import EVENT_TYPES
from service.core.webhooks import (
    KEPT_ATTEMPTS,
    MAX_BODY_BYTES,
    SCHEDULE_S,
    Outcome,
    WebhookEndpoint,
    WebhookMessage,
    body,
    delivery_to,
    fan_out,
    judge,
    next_round,
    retry_pause_s,
)

MESSAGE = WebhookMessage(id="evt_1", type="dataset.ready", created_at=1_000.0, data={"id": "file-1"})


def _outcome(status: int | None = 500, *, at: float = 0.0, **more: object) -> Outcome:
    return Outcome(**{"started_at": at, "duration_s": 0.1, "status_code": status, **more})  # pyright: ignore


@pytest.mark.parametrize("jitter", [-1.0, 0.0, 1.0])
def test_w3_ten_tries_over_three_days(jitter: float) -> None:
    now, row, times = 1_000.0, delivery_to(MESSAGE, "we_1"), list[float]()
    while True:
        times.append(now - 1_000.0)
        verdict = judge(row, _outcome(at=now), now=now, jitter=jitter)
        row = verdict.delivery
        if verdict.retry_in_s is None:
            break
        assert row.next_attempt_at == now + verdict.retry_in_s
        now += verdict.retry_in_s
    expected = [sum(SCHEDULE_S[: count + 1]) * (1 + 0.2 * jitter) for count in range(10)]
    assert times == pytest.approx(expected)
    assert (row.status, row.reason, row.attempt_count, row.next_attempt_at) == ("failed", "refused", 10, None)


@pytest.mark.parametrize(
    ("outcome", "jitter", "pause"),
    [
        (_outcome(500), 0.0, 5.0),
        (_outcome(500), -1.0, 4.0),
        (_outcome(500, retry_after_s=1.0), 0.0, 5.0),
        (_outcome(500, retry_after_s=7.0), 0.0, 7.0),
        (_outcome(503, retry_after_s=3_600.0), 0.0, 10.0),
        (_outcome(429), 0.0, 60.0),
        (_outcome(429), -1.0, 60.0),
        (_outcome(None, error="timeout"), 1.0, 60.0),
        (_outcome(429, retry_after_s=90.0), 0.0, 90.0),
        (_outcome(429, retry_after_s=9_999.0), 1.0, 120.0),
        (_outcome(None, error="timeout"), 0.0, 60.0),
        (_outcome(None, error="connection_failed"), 0.0, 5.0),
    ],
)
def test_the_pause_after_a_first_failure(outcome: Outcome, jitter: float, pause: float) -> None:
    assert retry_pause_s(1, outcome, jitter=jitter) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("status", "ends"), [(200, "succeeded"), (299, "succeeded"), (199, "pending"), (300, "pending")]
)
def test_only_2xx_is_success(status: int, ends: str) -> None:
    assert judge(delivery_to(MESSAGE, "we_1"), _outcome(status), now=1_000.0, jitter=0.0).delivery.status == ends


def test_410_ends_it_and_a_test_is_never_repeated() -> None:
    gone = judge(delivery_to(MESSAGE, "we_1"), _outcome(410), now=1_000.0, jitter=0.0)
    assert (gone.is_gone, gone.delivery.status, gone.delivery.reason) == (True, "failed", "gone")
    test = judge(delivery_to(MESSAGE, "we_1", once=True), _outcome(500), now=1_000.0, jitter=0.0)
    assert (test.delivery.status, test.retry_in_s) == ("failed", None)


def test_a_delivery_held_back_for_five_days_is_given_up_and_can_be_sent_again() -> None:
    verdict = judge(delivery_to(MESSAGE, "we_1"), _outcome(500), now=1_000.0 + 5 * 86_400, jitter=0.0)
    assert verdict.delivery.status == "failed"
    again = next_round(verdict.delivery, 9e6)
    assert (again.status, again.tries, again.attempt_count) == ("pending", 0, 1)
    assert judge(again, _outcome(500), now=9e6, jitter=0.0).delivery.status == "pending"


def test_only_the_last_attempts_are_kept() -> None:
    row = delivery_to(MESSAGE, "we_1")
    for _ in range(30):
        row = next_round(judge(row, _outcome(500), now=1_000.0, jitter=0.0).delivery, 1_000.0)
    assert (len(row.attempts), row.attempts[-1].number, row.attempt_count) == (KEPT_ATTEMPTS, 30, 30)


def _endpoint(name: str, **more: object) -> WebhookEndpoint:
    values = {"id": name, "created_at": 1, "updated_at": 1, "name": name, "url": "u", "event_types": EVENT_TYPES}
    return WebhookEndpoint(**{**values, "secret": "s", **more})  # pyright: ignore


def test_fan_out_makes_the_same_rows_each_time() -> None:
    endpoints = [_endpoint("we_1"), _endpoint("we_2", event_types=("x",)), _endpoint("we_3", disabled_at=5)]
    message = msgspec.structs.replace(MESSAGE, extra_url="https://example.com/")
    rows = fan_out(message, endpoints)
    assert [(row.owner, row.url, row.status) for row in rows] == [
        ("we_1", None, "pending"),
        (rows[1].owner, "https://example.com/", "pending"),
        ("we_3", None, "failed"),
    ]
    assert rows[2].reason == "endpoint_disabled"
    assert fan_out(message, endpoints) == rows
    assert len({row.id for row in rows}) == 3


def test_old_secrets_sign_until_their_day_is_over() -> None:
    twice = _endpoint("we_1").rotated("b", 100.0, keep_old=True).rotated("c", 101.0, keep_old=True)
    assert twice.secrets_at(102.0) == ("c", "b", "s")
    assert twice.secrets_at(86_500.5) == ("c", "b")
    assert twice.rotated("d", 102.0, keep_old=False).secrets_at(102.0) == ("d",)
    assert "secret=" not in repr(twice) + repr(twice.old_secrets)


def test_the_body_is_openai_s_envelope_and_small() -> None:
    large = {"id": "ftjob-1", "tunewright": {"status": "failed", "sequence": 2, "error": "x" * 30_000}}
    sent = msgspec.json.decode(body(msgspec.structs.replace(MESSAGE, data=large)))
    assert list(sent) == ["id", "object", "created_at", "type", "data"]
    assert sent["data"] == {"id": "ftjob-1", "tunewright": {"status": "failed", "sequence": 2, "truncated": True}}
    assert len(body(MESSAGE)) < MAX_BODY_BYTES
