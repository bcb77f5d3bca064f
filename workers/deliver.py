"""The webhook deliverer: one process, many deliveries at once. Any number of them may run.

It claims what is due (`service/store/deliveries.py`), fans messages out into deliveries, tries each once and stores the
outcome. A receiver that hangs holds one slot of its own and nobody else's.
"""

import asyncio
import contextlib
import logging
import random
import resource
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from service.core import clock, signatures
from service.core.addresses import AddressPolicy
from service.core.errors import NotFound
from service.core.webhooks import (
    PATIENCE_S,
    Verdict,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
    body,
    fan_out,
    give_up,
    judge,
)
from service.runtime import open_runtime
from service.settings import Settings
from service.store.deliveries import Claim
from service.store.webhooks import WebhookStore
from service.webhook_policy import webhook_policy
from workers.heartbeat import beating
from workers.webhook_client import WebhookClient

_log = logging.getLogger(__name__)

SLOTS = 2_048
"""Tries at the same time; more than 1,000, so that as many receivers may hang at once and leave room for the others."""

_FILES_BESIDE = 128
_REDIS_AT_ONCE = 16
_IDLE_S = 1.0
_DOWN_S = 0.5
DRAIN_S = 3.0
"""How long tries under way may go on after the stop."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver until `stop` is set."""
    slots = min(SLOTS, _raised_file_limit() - _FILES_BESIDE)
    async with open_runtime(settings) as runtime, beating(runtime, "deliver"):
        client = WebhookClient()
        try:
            await Deliverer(
                runtime.webhooks, client, lambda: webhook_policy(runtime.settings, runtime.keys), slots=slots
            ).serve(stop)
        finally:
            client.close()


def _raised_file_limit() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


class Deliverer:
    """Tries deliveries until told to stop. `draw` gives the jitter, from -1 to 1."""

    def __init__(
        self,
        store: WebhookStore,
        client: WebhookClient,
        policy: Callable[[], Awaitable[AddressPolicy]],
        *,
        slots: int = SLOTS,
        drain_s: float = DRAIN_S,
        draw: Callable[[], float] = lambda: random.uniform(-1, 1),
    ) -> None:
        self._store = store
        self._queue = store.deliveries
        self._client = client
        self._read_policy = policy
        self._slots = slots
        self._drain_s = drain_s
        self._draw = draw
        self._tries: dict[asyncio.Task[None], Claim] = {}
        self._wake = asyncio.Event()
        self._redis_calls = asyncio.Semaphore(_REDIS_AT_ONCE)
        self._endpoints: dict[str, WebhookEndpoint] = {}
        self._version = -1

    async def serve(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; a Redis outage is waited out. Tries under way get `drain_s` to end."""
        listener = asyncio.create_task(self._listen())
        try:
            while not stop.is_set():
                self._wake.clear()
                try:
                    wait_s = await self.look()
                except RedisError as error:
                    _log.warning("deliver: %s; trying again", type(error).__name__)
                    wait_s = _DOWN_S
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), wait_s)
        finally:
            listener.cancel()
            await self._drain()

    async def look(self) -> float:
        """Start on what is due; return the seconds until there may be more. Raises RedisError."""
        claimed = await self._queue.claim(slots=self._slots - len(self._tries))
        if claimed.messages or claimed.deliveries:
            await self._read_endpoints()
        if claimed.messages:
            await self._fan_out(claimed.messages)
        if claimed.deliveries:
            await self._start(claimed.deliveries)
        if claimed.messages or claimed.deliveries:
            return 0.0
        return _IDLE_S if claimed.wait_s is None or self._slots <= len(self._tries) else min(_IDLE_S, claimed.wait_s)

    async def idle(self) -> None:
        """Return when no try is under way."""
        while self._tries:
            await asyncio.wait(self._tries)

    async def _listen(self) -> None:
        while True:
            try:
                if await self._queue.is_rung():
                    self._wake.set()
            except RedisError:
                await asyncio.sleep(_DOWN_S)

    async def _read_endpoints(self) -> None:
        version = await self._store.version()
        if version != self._version:
            self._endpoints = {endpoint.id: endpoint for endpoint in await self._store.all()}
            self._version = version

    async def _fan_out(self, message_ids: tuple[str, ...]) -> None:
        messages = await self._queue.messages(message_ids)
        for message_id in message_ids:
            message = messages.get(message_id)
            if message is None:
                await self._queue.drop_message(message_id)
            else:
                await self._queue.fan_out(message, fan_out(message, list(self._endpoints.values())))

    async def _start(self, claims: tuple[Claim, ...]) -> None:
        rows = await self._queue.load([claim.id for claim in claims])
        messages = await self._queue.messages([row.message_id for row in rows.values()])
        policy = await self._read_policy()
        for claim in claims:
            row = rows.get(claim.id)
            if row is None and await self._queue.is_kept(claim.id):
                continue  # only a newer version can read it; it is tried again when the lease ends
            if row is None or row.status != "pending":
                await self._queue.release(claim, keep=False)
                continue
            task = asyncio.create_task(self._deliver(claim, row, messages.get(row.message_id), policy))
            self._tries[task] = claim
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tries.pop(task, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("deliver: a try broke; its lease will end", exc_info=error)

    async def _deliver(
        self, claim: Claim, row: WebhookDelivery, message: WebhookMessage | None, policy: AddressPolicy
    ) -> None:
        endpoint = self._endpoints.get(row.owner)
        verdict = await self._verdict(row, endpoint, message, policy)
        async with self._redis_calls:
            failing_since = await self._queue.finish(claim, verdict)
            if endpoint is None or endpoint.disabled_at is not None:
                return
            with contextlib.suppress(NotFound):  # deleted meanwhile
                if verdict.is_gone:
                    await self._store.disable(endpoint.id, "gone", clock.now())
                elif failing_since is not None and clock.now() - failing_since > PATIENCE_S:
                    await self._store.disable(endpoint.id, "failing", clock.now())

    async def _verdict(
        self,
        row: WebhookDelivery,
        endpoint: WebhookEndpoint | None,
        message: WebhookMessage | None,
        policy: AddressPolicy,
    ) -> Verdict:
        if message is None:
            return give_up(row, "expired")
        if row.url is not None:
            url, secrets = row.url, (await self._store.service_secret(),)
        elif endpoint is None:
            return give_up(row, "endpoint_deleted")
        elif endpoint.disabled_at is not None and not row.once:
            return give_up(row, "endpoint_disabled")
        else:
            url, secrets = endpoint.url, endpoint.secrets_at(clock.now())
        content = body(message)
        headers = signatures.headers(secrets, message.id, clock.now(), content)
        outcome = await self._client.post(url, headers, content, policy)
        return judge(row, outcome, now=clock.now(), jitter=self._draw())

    async def _drain(self) -> None:
        """Let tries end for a moment, then give back those that have not, so that another process starts at once."""
        if self._tries:
            await asyncio.wait(self._tries, timeout=self._drain_s)
        left = dict(self._tries)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for claim in left.values():
            with contextlib.suppress(RedisError):
                await self._queue.release(claim)
