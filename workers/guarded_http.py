"""One request to a stranger's address, guarded at connect time.

Each is a connection of its own: the name is resolved, every address judged, and the connection made to an address that
passed, with Host and SNI as in the URL. No redirect, no proxy, no cookie, no decompression.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore2
import msgspec

from service.core.addresses import AddressPolicy, Target, check_addresses

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From host and port to addresses; raises OSError."""

Opened = tuple[httpcore2.Response, httpcore2.AsyncHTTPConnection]

FAULTS = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)

_ONE_ADDRESS_S = 5.0
_MOST_ADDRESSES = 3
_DNS_THREADS = 64  # asyncio's own pool has six threads on two cores, so six dead name servers would stop it


class SystemResolver:
    """Looks names up by the system's resolver, many at once."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_DNS_THREADS, "guarded-dns")

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


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request; Host and Content-Length are added. `read_s` is the longest pause within the answer, None for none."""

    method: str
    headers: Mapping[str, str]
    content: bytes | None = None
    connect_s: float
    read_s: float | None = None


class GuardedHttp:
    """Sends requests to addresses that a policy allows."""

    def __init__(self, *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._system = SystemResolver()
        self._resolve = resolve or self._system
        self._tls = tls or httpcore2.default_ssl_context()

    async def ask(self, target: Target, ask: Ask, policy: AddressPolicy) -> Opened:
        """Return the head of the answer and the connection, to be closed by the caller.

        Raises BadAddress, OSError for a name that does not resolve, and `FAULTS`.
        """
        found = [target.host] if _is_literal(target.host) else await self._resolve(target.host, target.port)
        addresses = check_addresses(target, found, policy)[:_MOST_ADDRESSES]
        for address in addresses[:-1]:
            try:
                return await self._ask_at(address, target, ask, connect_s=min(_ONE_ADDRESS_S, ask.connect_s))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._ask_at(addresses[-1], target, ask, connect_s=ask.connect_s)

    def close(self) -> None:
        """Free the resolver's threads."""
        self._system.close()

    async def _ask_at(self, address: str, target: Target, ask: Ask, *, connect_s: float) -> Opened:
        """Talk to `address` as to the host of `target`: its name stands in Host, SNI and the certificate check."""
        length = {} if ask.content is None else {"content-length": str(len(ask.content))}
        timeout = {"connect": connect_s} | ({} if ask.read_s is None else {"read": ask.read_s, "write": ask.read_s})
        request = httpcore2.Request(
            ask.method,
            httpcore2.URL(scheme=target.scheme, host=address, port=target.port, target=target.path),
            headers={
                "host": target.host_header,
                **length,
                "accept-encoding": "identity",
                "connection": "close",
                **ask.headers,
            },
            content=ask.content,
            extensions={"sni_hostname": target.host, "timeout": timeout},
        )
        connection = httpcore2.AsyncHTTPConnection(request.url.origin, ssl_context=self._tls)
        try:
            return await connection.handle_async_request(request), connection
        except BaseException:
            await connection.aclose()
            raise


def header(response: httpcore2.Response, name: bytes) -> str:
    """Return a header of an answer, empty where it is missing."""
    return next((value.decode("latin-1").strip() for found, value in response.headers if found.lower() == name), "")


def retry_after_s(response: httpcore2.Response, now: float) -> float | None:
    """Return the Retry-After header in seconds, None where it is missing or can't be read."""
    text = header(response, b"retry-after")
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
