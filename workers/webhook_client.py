"""One guarded HTTP POST to a stranger's address.

Every try is a connection of its own: the name is resolved, every address judged, and the connection made to an address
that passed, with Host and SNI as in the URL. No redirect, no proxy, no cookie, no decompression; the answer is read
raw up to 16 kB; the whole try ends after 15 s.
"""

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpcore2

from service.core import clock
from service.core.addresses import BadAddress, Target, WebhookPolicy, check_addresses, parse_target
from service.core.webhooks import AttemptError, Outcome

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From host and port to addresses; raises OSError."""

TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 16_384
_ANSWER_S = 2.0  # the status decides; the body is read only to let the receiver end in peace
_ONE_ADDRESS_S = 5.0
_MOST_ADDRESSES = 3
_DNS_THREADS = 64  # asyncio's own pool has six threads on two cores, so six dead name servers would stop it

_FAULTS = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)
_log = logging.getLogger(__name__)


class SystemResolver:
    """Looks names up by the system's resolver, many at once."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_DNS_THREADS, "webhook-dns")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`; raises OSError (socket.gaierror) if it has none."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Let the threads end; a look-up under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class WebhookClient:
    """Posts and says what came of it; never raises for anything that a receiver or a network can do."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._system = SystemResolver()
        self._resolve = resolve or self._system
        self._tls = tls or httpcore2.default_ssl_context()
        self._timeout_s = timeout_s

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, policy: WebhookPolicy) -> Outcome:
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
                response, connection = await self._ask(target, headers, body, policy)
                limit.reschedule(None)
            status, retry_after_s = response.status, _retry_after_s(response, clock.now())
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
        self._system.close()

    async def _ask(
        self, target: Target, headers: Mapping[str, str], body: bytes, policy: WebhookPolicy
    ) -> tuple[httpcore2.Response, httpcore2.AsyncHTTPConnection]:
        """Return the head of the answer and the connection, to be closed by the caller."""
        found = [target.host] if _is_literal(target.host) else await self._resolve(target.host, target.port)
        addresses = check_addresses(target, found, policy)[:_MOST_ADDRESSES]
        for address in addresses[:-1]:
            try:
                return await self._ask_at(address, target, headers, body, connect_s=_ONE_ADDRESS_S)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._ask_at(addresses[-1], target, headers, body, connect_s=self._timeout_s)

    async def _ask_at(
        self, address: str, target: Target, headers: Mapping[str, str], body: bytes, *, connect_s: float
    ) -> tuple[httpcore2.Response, httpcore2.AsyncHTTPConnection]:
        """Talk to `address` as to the host of `target`: its name stands in Host, SNI and the certificate check."""
        request = httpcore2.Request(
            "POST",
            httpcore2.URL(scheme=target.scheme, host=address, port=target.port, target=target.path),
            headers={
                "host": target.host_header,
                "content-length": str(len(body)),
                "content-type": "application/json",
                "user-agent": "Tunewright-Webhooks/1",
                "accept-encoding": "identity",
                "connection": "close",
                **headers,
            },
            content=body,
            extensions={"sni_hostname": target.host, "timeout": {"connect": connect_s}},
        )
        connection = httpcore2.AsyncHTTPConnection(request.url.origin, ssl_context=self._tls)
        try:
            return await connection.handle_async_request(request), connection
        except BaseException:
            await connection.aclose()
            raise


async def _read_some(response: httpcore2.Response, connection: httpcore2.AsyncHTTPConnection, *, until: float) -> None:
    """Read up to the cap, raw, and close. The status has decided: what goes wrong in the body changes nothing."""
    size = 0
    with contextlib.suppress(TimeoutError, *_FAULTS):
        async with contextlib.aclosing(connection), asyncio.timeout_at(until):
            async for part in cast("AsyncIterable[bytes]", response.stream):
                size += len(part)
                if size >= MAX_ANSWER_BYTES:
                    return


def _retry_after_s(response: httpcore2.Response, now: float) -> float | None:
    """Return the Retry-After header in seconds, None where it is missing or can't be read."""
    raw = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
    text = raw.decode("latin-1").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


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


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
