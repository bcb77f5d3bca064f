"""What every request to a provider passes: the shared budget and circuits before it, the counters after it."""

import hashlib
import logging
from typing import Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.core import clock
from service.core.credentials import Scope, scope_of, trip_for
from service.core.ids import WEBHOOK_EVENT, make
from service.core.webhooks import WebhookMessage
from service.settings import ProviderSettings
from service.store.counters import UPSTREAM_BUCKETS, count, observe
from service.store.credentials import Credential, CredentialStore, Pause
from service.store.webhooks import queue_message
from workers.providers.presets import TARGETS
from workers.providers.protocol import ProviderError, Reason, as_reason

_log = logging.getLogger(__name__)
_JOB_READS = frozenset({"jobs.list", "jobs.read"})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was made: `operation` is one of few, never a path with an id."""

    operation: str
    scopes: tuple[Scope, ...]
    seconds: float

    @property
    def is_write(self) -> bool:
        """Tell whether the request was to change something."""
        return "write" in self.scopes


class Gate(Protocol):
    """Lets requests through, and hears what became of them."""

    async def admit(self, scopes: tuple[Scope, ...]) -> None:
        """Return if a request may be made now; else raise ProviderError with the pause until one may."""
        ...

    async def heard(self, call: Call, error: ProviderError | None) -> None:
        """Take in how a request ended."""
        ...


class OpenGate:
    """Lets everything through: for processes that make no step of a job."""

    async def admit(self, scopes: tuple[Scope, ...]) -> None:
        """Let it through."""

    async def heard(self, call: Call, error: ProviderError | None) -> None:
        """Keep nothing."""


class SharedGate:
    """The gate of one credential, the same for all workers and all providers that have it: its state is in Redis."""

    def __init__(self, redis: Redis, credential: Credential) -> None:
        self._redis = redis
        self._store = CredentialStore(redis)
        self._credential = credential
        self._is_named = False

    async def admit(self, scopes: tuple[Scope, ...]) -> None:
        """See Gate.admit."""
        if not self._is_named:
            await self._store.name(self._credential)
            self._is_named = True
        for number, scope in enumerate(scopes):
            pause = await self._store.admit(self._credential, scope)
            if pause is not None:
                for passed in scopes[:number]:
                    await self._store.release(self._credential, passed)
                raise refusal(self._credential.provider, pause)

    async def heard(self, call: Call, error: ProviderError | None) -> None:
        """Count the request, and open or close circuits; what can't be noted is let go, the request was made."""
        try:
            await self._count(call, error)
            for scope in call.scopes:
                await self._judge(scope, call, error)
        except RedisError as failure:
            _log.warning("provider %s: %s; a call is not counted", self._credential.provider, type(failure).__name__)

    async def _judge(self, scope: Scope, call: Call, error: ProviderError | None) -> None:
        trip = trip_for(error.reason) if error else None
        if error is not None and trip is not None and scope_of(error.reason, write=call.is_write) == scope:
            if await self._store.failed(self._credential, scope, error.reason, trip, error.retry_after_s):
                _log.error("provider %s: %s stops: %s", self._credential.provider, scope, error.reason)
                if trip.needs_operator:
                    await self._tell("provider.paused", scope, error.reason)
        elif error is not None and scope == "create":  # refused for something else: nothing is known of the quota
            await self._store.release(self._credential, scope)
        else:  # a refusal in order is an answer, too
            await self._succeeded(scope)

    async def _succeeded(self, scope: Scope) -> None:
        reason = await self._store.succeeded(self._credential, scope)
        if reason is None:
            return
        _log.warning("provider %s: %s goes on after: %s", self._credential.provider, scope, reason)
        trip = trip_for(reason)
        if trip and trip.needs_operator:
            await self._tell("provider.resumed", scope, reason)

    async def _tell(self, kind: str, scope: Scope, reason: str) -> None:
        provider = self._credential.provider
        async with self._redis.pipeline(transaction=True) as pipe:
            queue_message(pipe, notice(kind, provider, scope, reason))
            await pipe.execute()

    async def _count(self, call: Call, error: ProviderError | None) -> None:
        provider, code = self._credential.provider, error.reason if error else "none"
        async with self._redis.pipeline(transaction=False) as pipe:
            count(pipe, "upstream_requests", provider=provider, operation=call.operation, error_code=code)
            observe(
                pipe,
                "upstream_request_duration_seconds",
                call.seconds,
                UPSTREAM_BUCKETS,
                provider=provider,
                operation=call.operation,
            )
            if call.operation in _JOB_READS:
                count(pipe, "poll_requests", provider=provider)
            await pipe.execute()


def shared_gate(redis: Redis | None, name: str, settings: ProviderSettings, requests_per_minute: float) -> Gate:
    """Return the gate of a configured provider; without Redis an open one."""
    if redis is None:
        return OpenGate()
    return SharedGate(redis, credential_of(name, settings, requests_per_minute))


def credential_of(name: str, settings: ProviderSettings, requests_per_minute: float) -> Credential:
    """Return whose leave is asked: providers with one address, key, organisation and project have one credential.

    Headers count too, as some endpoints take their key there.
    """
    base_url = (settings.base_url or TARGETS[settings.preset].base_url or "").rstrip("/")
    headers = [f"{header.lower()}: {value}" for header, value in sorted(settings.extra_headers.items())]
    parts = (base_url, settings.api_key, settings.organization, settings.project, *headers)
    return Credential(
        provider=name,
        digest=hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()[:16],
        requests_per_minute=requests_per_minute,
    )


def refusal(provider: str, pause: Pause) -> ProviderError:
    """Return the error of a call that was not made, for the reason that stopped the calls before it."""
    reason: Reason = as_reason(pause.reason)
    message = f"Provider {provider} is not asked now ({reason.replace('_', ' ')})."
    return ProviderError(reason, message, retryable=True, retry_after_s=pause.wait_s)


def notice(kind: str, provider: str, scope: Scope, reason: str) -> WebhookMessage:
    """Return the operational webhook that tells of a pause or its end."""
    return WebhookMessage(
        id=make(WEBHOOK_EVENT),
        type=kind,
        created_at=int(clock.now()),
        data={"id": provider, "tunewright": {"provider": provider, "scope": scope, "reason": reason}},
    )


def operation_of(method: str, path: str) -> str:
    """Name a request to an OpenAI-shaped endpoint by what it does: a closed set, for labels."""
    parts = path.split("/fine_tuning/jobs", 1)
    if len(parts) == 2:
        inner = parts[1].strip("/").split("/")
        if inner == [""]:
            return "jobs.create" if method == "POST" else "jobs.list"
        if len(inner) == 1:
            return "jobs.read"
        return f"jobs.{inner[1]}" if inner[1] in _JOB_VERBS else "other"
    for noun in ("files", "uploads", "models"):
        if f"/{noun}" in path:
            has_id = not path.endswith(f"/{noun}")
            return f"{noun}.{_VERBS[method]}" if method in _VERBS and not (has_id and method == "GET") else noun
    return "other"


_JOB_VERBS = frozenset({"events", "checkpoints", "cancel", "pause", "resume"})
_VERBS = {"GET": "list", "POST": "create", "DELETE": "delete"}
