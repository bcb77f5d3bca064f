"""Webhooks: endpoints, messages, deliveries, and when a failed delivery is tried again.

A *message* is one event. It fans out into one *delivery* for each endpoint that wants its type (and one for the job's
own `webhook_url`); a delivery makes *attempts* until one is answered 2xx or the schedule ends.
"""

import hashlib
from typing import Any, Literal, cast

import msgspec

from service.core import ids
from service.core.webhook_types import ENDPOINT_DISABLED

MAX_BODY_BYTES = 20_000  # the recommendation of Standard Webhooks
KEPT_ATTEMPTS = 20
OVERLAP_S = 86_400.0
_OLD_SECRETS = 4  # a client that sends a rotation again must not lose the secret that its receiver still has

SCHEDULE_S = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Pause before each try, from the spec's example: ten tries over 75 hours."""

JITTER = 0.2
PATIENCE_S = 432_000.0
"""Five days: how long a delivery is kept alive, and how long an endpoint may do nothing but fail."""

_LEAST_PAUSE_S = 60.0  # after 429 and after a timeout (Svix does so)
_LONGEST_HOLD_S = 300.0

DeliveryStatus = Literal["pending", "succeeded", "failed"]
AttemptError = Literal["timeout", "connection_failed", "tls_failed", "name_not_found", "address_refused", "bad_answer"]


class OldSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that was rotated out and signs too until `until`."""

    secret: str
    until: float

    def __repr__(self) -> str:
        return f"OldSecret(until={self.until!r})"


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver that a client registered."""

    id: str
    created_at: int
    updated_at: int
    name: str
    url: str
    event_types: tuple[str, ...]
    secret: str
    old_secrets: tuple[OldSecret, ...] = ()
    disabled_at: int | None = None
    disabled_reason: str | None = None

    def secrets_at(self, now: float) -> tuple[str, ...]:
        """Return the secrets to sign with, the present one first."""
        return (self.secret, *(old.secret for old in self.old_secrets if old.until > now))

    def rotated(self, secret: str, now: float, *, keep_old: bool) -> "WebhookEndpoint":
        """Return the endpoint with a new secret; the old one signs too for a day if `keep_old`, else none does."""
        old = (OldSecret(secret=self.secret, until=now + OVERLAP_S), *self.old_secrets)
        kept = tuple(one for one in old if one.until > now)[:_OLD_SECRETS] if keep_old else ()
        return msgspec.structs.replace(self, secret=secret, old_secrets=kept, updated_at=int(now))

    def __repr__(self) -> str:
        return f"WebhookEndpoint(id={self.id!r}, disabled_at={self.disabled_at!r})"


class WebhookMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One event, written in the transaction of the change that it tells of.

    `data` is the envelope's `data` as sent. `sequence` counts the messages of one job, so that a receiver can drop what
    comes late. `extra_url` is the job's own `webhook_url`.
    """

    id: str
    type: str
    created_at: float
    job_id: str | None = None
    data: dict[str, Any]
    sequence: int = 0
    extra_url: str | None = None


class WebhookAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try: what came back (`status_code`), or why nothing did (`error`)."""

    number: int
    started_at: float
    duration_s: float
    status_code: int | None = None
    error: AttemptError | None = None


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way to one receiver.

    `owner` is what is throttled together: an endpoint's id, or for a job's own URL a name made of it (`url` is set
    then). `tries` counts in the present round, which a resend begins anew at `round_at`; `attempt_count` counts all.
    `once` is a test, never repeated.
    """

    id: str
    owner: str
    message_id: str
    type: str
    created_at: float
    round_at: float
    url: str | None = None
    job_id: str | None = None
    once: bool = False
    status: DeliveryStatus = "pending"
    reason: str | None = None
    tries: int = 0
    attempt_count: int = 0
    attempts: tuple[WebhookAttempt, ...] = ()
    next_attempt_at: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one try brought. `retry_after_s` is what the receiver asked for."""

    started_at: float
    duration_s: float
    status_code: int | None = None
    error: AttemptError | None = None
    retry_after_s: float | None = None

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver took it: 2xx and nothing else."""
        return self.error is None and self.status_code is not None and 200 <= self.status_code < 300


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a try: the row to keep, when to try again (None: never), how long its receiver is spared.

    `is_gone` is a 410: the receiver wants nothing more. Without `is_tried` nothing was sent, and nobody is to blame.
    """

    delivery: WebhookDelivery
    retry_in_s: float | None = None
    hold_s: float = 0.0
    is_gone: bool = False
    is_tried: bool = True


def judge(delivery: WebhookDelivery, outcome: Outcome, *, now: float, jitter: float) -> Verdict:
    """Decide what follows from `outcome`; `jitter` is drawn from -1 to 1."""
    attempt = WebhookAttempt(
        number=delivery.attempt_count + 1,
        started_at=outcome.started_at,
        duration_s=round(outcome.duration_s, 4),
        status_code=outcome.status_code,
        error=outcome.error,
    )
    tried = msgspec.structs.replace(
        delivery,
        tries=delivery.tries + 1,
        attempt_count=attempt.number,
        attempts=(*delivery.attempts, attempt)[-KEPT_ATTEMPTS:],
        next_attempt_at=None,
        reason=None,
    )
    if outcome.is_success:
        return Verdict(delivery=msgspec.structs.replace(tried, status="succeeded"))
    is_gone = outcome.status_code == 410
    pause = None if is_gone or delivery.once else retry_pause_s(tried.tries, outcome, jitter=jitter)
    if pause is None or now + pause > delivery.round_at + PATIENCE_S:
        reason = "gone" if is_gone else outcome.error or "refused"
        return Verdict(
            delivery=msgspec.structs.replace(tried, status="failed", reason=reason),
            hold_s=hold_s(outcome),
            is_gone=is_gone,
        )
    row = msgspec.structs.replace(tried, next_attempt_at=now + pause)
    return Verdict(delivery=row, retry_in_s=pause, hold_s=hold_s(outcome))


def give_up(delivery: WebhookDelivery, reason: str) -> Verdict:
    """Return the end of a delivery that can't be tried: its endpoint or message is gone, or the endpoint disabled."""
    row = msgspec.structs.replace(delivery, status="failed", reason=reason, next_attempt_at=None)
    return Verdict(delivery=row, is_tried=False)


def next_round(delivery: WebhookDelivery, now: float) -> WebhookDelivery:
    """Return the delivery with its schedule begun anew at `now`; its attempts stay."""
    return msgspec.structs.replace(delivery, status="pending", reason=None, tries=0, round_at=now, next_attempt_at=now)


def retry_pause_s(tries: int, outcome: Outcome, *, jitter: float) -> float | None:
    """Return the pause after the `tries`-th failed try, or None when it was the last.

    Retry-After counts between the schedule's pause and twice that.
    """
    if tries >= len(SCHEDULE_S):
        return None
    least = _LEAST_PAUSE_S if outcome.status_code == 429 or outcome.error == "timeout" else 0.0
    pause = max(SCHEDULE_S[tries] * (1 + JITTER * jitter), least)
    longest = 2 * max(SCHEDULE_S[tries], least)
    return pause if outcome.retry_after_s is None else min(max(pause, outcome.retry_after_s), longest)


def hold_s(outcome: Outcome) -> float:
    """Return for how long the receiver's other deliveries wait too: it is overloaded or away, not just unhappy."""
    if outcome.status_code in {429, 503}:
        return min(max(outcome.retry_after_s or 1.0, 1.0), _LONGEST_HOLD_S)
    return 1.0 if outcome.status_code in {502, 504} or outcome.error in {"timeout", "connection_failed"} else 0.0


def fan_out(message: WebhookMessage, endpoints: list[WebhookEndpoint]) -> list[WebhookDelivery]:
    """Return the deliveries of `message`; ids follow from message and receiver, so a second run makes the same.

    What a disabled endpoint misses has a row too, at its end from the start, so that it is listed and can be resent.
    """
    asked = [endpoint for endpoint in endpoints if message.type in endpoint.event_types]
    rows = [delivery_to(message, endpoint.id) for endpoint in asked if endpoint.disabled_at is None]
    if message.extra_url is not None:
        rows.append(delivery_to(message, "whu_" + _digest(message.extra_url), url=message.extra_url))
    missed = [delivery_to(message, endpoint.id) for endpoint in asked if endpoint.disabled_at is not None]
    return [*rows, *(give_up(row, "endpoint_disabled").delivery for row in missed)]


def delivery_id(message_id: str, owner: str) -> str:
    """Return the id of the delivery of a message to a receiver."""
    return ids.WEBHOOK_DELIVERY + _digest(f"{message_id}\n{owner}")


def delivery_to(message: WebhookMessage, owner: str, *, url: str | None = None, once: bool = False) -> WebhookDelivery:
    """Return the delivery of `message` to `owner`, due at the time of the message."""
    return WebhookDelivery(
        id=delivery_id(message.id, owner),
        owner=owner,
        message_id=message.id,
        type=message.type,
        created_at=message.created_at,
        round_at=message.created_at,
        next_attempt_at=message.created_at,
        url=url,
        job_id=message.job_id,
        once=once,
    )


def sample(event_type: str, endpoint_id: str, now: float) -> WebhookMessage:
    """Return the message that a test of `endpoint_id` sends: the right envelope about nothing that exists."""
    data = {"id": f"{event_type.replace('.', '_')}_test", "tunewright": {"test": True, "sequence": 0}}
    if event_type == ENDPOINT_DISABLED:
        data["id"] = endpoint_id
    return WebhookMessage(id=ids.make(ids.WEBHOOK_EVENT), type=event_type, created_at=now, data=data)


def body(message: WebhookMessage) -> bytes:
    """Return the bytes to send, the same for every try and receiver, and under 20,000.

    Of data too large only the id and the short members of `tunewright` stay, marked `"truncated": true`.
    """
    whole = _envelope(message, message.data)
    if len(whole) < MAX_BODY_BYTES:
        return whole
    facts: Any = message.data.get("tunewright")
    known = cast("dict[str, Any]", facts) if isinstance(facts, dict) else {}
    short = {name: known[name] for name in ("status", "stage", "sequence") if name in known}
    return _envelope(message, {"id": message.data.get("id"), "tunewright": {**short, "truncated": True}})


def _envelope(message: WebhookMessage, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "id": message.id,
            "object": "event",
            "created_at": int(message.created_at),
            "type": message.type,
            "data": data,
        }
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
