"""One guarded HTTP POST to a webhook's receiver: the answer is read raw up to 16 kB, the whole try ends after 15 s."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterable, Mapping
from typing import cast

import httpcore2

from service.core import clock
from service.core.addresses import AddressPolicy, BadAddress, parse_target
from service.core.webhooks import AttemptError, Outcome
from workers.guarded_http import FAULTS, Ask, GuardedHttp, Resolve
from workers.guarded_http import retry_after_s as asked_pause_s

TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 16_384
_ANSWER_S = 2.0  # the status decides; the body is read only to let the receiver end in peace

_log = logging.getLogger(__name__)


class WebhookClient:
    """Posts and says what came of it; never raises for anything that a receiver or a network can do."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._http = GuardedHttp(resolve=resolve, tls=tls)
        self._timeout_s = timeout_s

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, policy: AddressPolicy) -> Outcome:
        """Send `body` to `url` once."""
        started_at, ticks = clock.now(), asyncio.get_running_loop().time
        begun = ticks()
        status: int | None = None
        error: AttemptError | None = None
        retry_after_s: float | None = None
        try:
            target = parse_target(url, policy)
            deadline = begun + self._timeout_s
            async with asyncio.timeout_at(deadline) as limit:
                response, connection = await self._http.ask(target, self._ask(headers, body), policy)
                limit.reschedule(None)
            status, retry_after_s = response.status, asked_pause_s(response, clock.now())
            await _read_some(response, connection, until=min(deadline, ticks() + _ANSWER_S))
        except (
            BadAddress,
            OSError,
            httpcore2.NetworkError,
            httpcore2.TimeoutException,
            httpcore2.ProtocolError,
        ) as fault:
            error = _name(fault)
            _log.info("webhooks: a try failed: %s (%s)", error, type(fault).__name__)
        return Outcome(
            started_at=started_at,
            duration_s=ticks() - begun,
            status_code=status,
            error=error,
            retry_after_s=retry_after_s,
        )

    def close(self) -> None:
        """Free the resolver's threads."""
        self._http.close()

    def _ask(self, headers: Mapping[str, str], body: bytes) -> Ask:
        own = {"content-type": "application/json", "user-agent": "Tunewright-Webhooks/1"}
        return Ask(method="POST", headers={**own, **headers}, content=body, connect_s=self._timeout_s)


async def _read_some(response: httpcore2.Response, connection: httpcore2.AsyncHTTPConnection, *, until: float) -> None:
    """Read up to the cap, raw, and close. The status has decided: what goes wrong in the body changes nothing."""
    size = 0
    with contextlib.suppress(TimeoutError, *FAULTS):
        async with contextlib.aclosing(connection), asyncio.timeout_at(until):
            async for part in cast("AsyncIterable[bytes]", response.stream):
                size += len(part)
                if size >= MAX_ANSWER_BYTES:
                    return


def _name(fault: Exception) -> AttemptError:
    match fault:
        case BadAddress():
            return "address_refused"
        case socket.gaierror():
            return "name_not_found"
        case TimeoutError() | httpcore2.TimeoutException():
            return "timeout"
        case httpcore2.ProtocolError():
            return "bad_answer"
        case _:
            return "tls_failed" if isinstance(fault.__cause__, ssl.SSLError) else "connection_failed"
