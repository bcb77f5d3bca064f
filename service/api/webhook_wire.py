"""What the webhook routes take and answer: OpenAI's endpoint objects, and our deliveries."""

from typing import Annotated, Literal

import msgspec

from service.core.errors import InvalidRequest
from service.core.signatures import hint
from service.core.webhook_types import EVENT_TYPES
from service.core.webhooks import AttemptError, DeliveryStatus, WebhookAttempt, WebhookDelivery, WebhookEndpoint

_MAX_NAME = 256
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]  # to the end of year 9999


class EndpointCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new endpoint."""

    event_types: list[str]
    name: str
    url: str


class EndpointSwitch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ours: turn an endpoint off, or on again after it was disabled."""

    enabled: bool | None = None


class EndpointUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may change; None leaves it."""

    event_types: list[str] | None = None
    name: str | None = None
    url: str | None = None
    tunewright: EndpointSwitch | None = None


class SecretRotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the old secret signs too for a day."""

    keep_old_secret_active_for_24_hours: bool | None = None


class EndpointTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which type of event to send as a sample."""

    event_type: str


class EndpointState(msgspec.Struct, frozen=True, kw_only=True):
    """Ours: whether anything is sent, and if not, since when and why (`gone`, `failing`, `switched_off`)."""

    enabled: bool
    disabled_at: int | None
    disabled_reason: str | None


class EndpointOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint as OpenAI shows it; `signing_secret` only at creation and rotation."""

    id: str
    object: str
    created_at: int
    updated_at: int
    name: str
    url: str
    event_types: tuple[str, ...]
    signing_secret_hint: str
    tunewright: EndpointState
    signing_secret: str | None = None

    @classmethod
    def of(cls, endpoint: WebhookEndpoint, *, secret: str | None = None) -> "EndpointOut":
        """Map a record."""
        return cls(
            id=endpoint.id,
            object="webhook_endpoint",
            created_at=endpoint.created_at,
            updated_at=endpoint.updated_at,
            name=endpoint.name,
            url=endpoint.url,
            event_types=endpoint.event_types,
            signing_secret_hint=hint(endpoint.secret),
            signing_secret=secret,
            tunewright=EndpointState(
                enabled=endpoint.disabled_at is None,
                disabled_at=endpoint.disabled_at,
                disabled_reason=endpoint.disabled_reason,
            ),
        )


class EndpointDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a deletion."""

    id: str
    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    deleted: bool = True


class EndpointTestOut(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a test: the receiver answered, with `status_code`."""

    webhook_endpoint_id: str
    event_type: str
    status_code: int
    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    success: Literal[True] = True


class EventTypeList(msgspec.Struct, frozen=True, kw_only=True):
    """The types of event that are sent."""

    data: tuple[str, ...]
    object: Literal["list"] = "list"


class EventRef(msgspec.Struct, frozen=True, kw_only=True):
    """The event that a delivery brings; `id` is what the receiver sees as `webhook-id`."""

    id: str
    type: str


class AttemptOut(msgspec.Struct, frozen=True, kw_only=True):
    """One try."""

    number: int
    started_at: float
    duration_seconds: float
    status_code: int | None
    error: AttemptError | None

    @classmethod
    def of(cls, attempt: WebhookAttempt) -> "AttemptOut":
        """Map a record."""
        return cls(
            number=attempt.number,
            started_at=attempt.started_at,
            duration_seconds=attempt.duration_s,
            status_code=attempt.status_code,
            error=attempt.error,
        )


class DeliveryOut(msgspec.Struct, frozen=True, kw_only=True):
    """Ours: a message for one receiver. `url` is where it goes, null once its endpoint is deleted; a job's has none."""

    id: str
    object: Literal["webhook_delivery"] = "webhook_delivery"
    created_at: int
    webhook_endpoint_id: str | None
    url: str | None
    event: EventRef
    fine_tuning_job_id: str | None
    status: DeliveryStatus
    reason: str | None
    attempt_count: int
    next_attempt_at: int | None
    attempts: tuple[AttemptOut, ...]

    @classmethod
    def of(cls, row: WebhookDelivery, endpoint: WebhookEndpoint | None) -> "DeliveryOut":
        """Map a record; `endpoint` is its receiver, if that is one and still there."""
        endpoint_url = None if endpoint is None else endpoint.url
        return cls(
            id=row.id,
            created_at=int(row.created_at),
            webhook_endpoint_id=None if row.url is not None else row.owner,
            url=row.url or endpoint_url,
            event=EventRef(id=row.message_id, type=row.type),
            fine_tuning_job_id=row.job_id,
            status=row.status,
            reason=row.reason,
            attempt_count=row.attempt_count,
            next_attempt_at=None if row.next_attempt_at is None else int(row.next_attempt_at),
            attempts=tuple(AttemptOut.of(attempt) for attempt in row.attempts),
        )


class Resend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries to send again: made `since` until `until` (Unix seconds), of that status; or of `event_ids`."""

    since: _Seconds | None = None
    until: _Seconds | None = None
    status: Literal["failed", "succeeded"] | None = None
    event_ids: list[str] | None = None


class ResendOut(msgspec.Struct, frozen=True, kw_only=True):
    """How many deliveries the question found, and how many of them go out again; the rest is just being tried, or its
    event is no longer kept."""

    webhook_endpoint_id: str
    matched: int
    resent: int
    object: Literal["webhook_endpoint.resend"] = "webhook_endpoint.resend"


def checked_types(names: list[str]) -> tuple[str, ...]:
    """Return `names` without repeats. Raises InvalidRequest, which lists what there is, for none or an unknown one."""
    if not names:
        raise InvalidRequest("'event_types' must name at least one type of event.", param="event_types")
    for number, name in enumerate(names):
        if name not in EVENT_TYPES:
            raise InvalidRequest(
                f"Unknown event type {name[:100]!r}; there are: {', '.join(EVENT_TYPES)}.",
                param=f"event_types[{number}]",
                code="unknown_event_type",
            )
    return tuple(dict.fromkeys(names))


def checked_name(name: str) -> str:
    """Return `name`. Raises InvalidRequest unless it is 1 to 256 printable characters."""
    if not 1 <= len(name) <= _MAX_NAME or not name.isprintable() or not name.strip():
        raise InvalidRequest(f"'name' must be 1 to {_MAX_NAME} printable characters.", param="name")
    return name
