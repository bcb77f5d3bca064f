"""A file over https from a guarded address: redirects hop by hop, an answer that broke off taken up again."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast
from urllib.parse import urljoin, urlsplit

import httpcore2
import msgspec

from service.core import clock
from service.core.addresses import AddressPolicy, BadAddress, parse_target
from service.core.sources import SourceFailed
from workers.guarded_http import FAULTS, Ask, GuardedHttp, Opened, header, retry_after_s
from workers.sources.body import Body

STALLED_S = 30.0
"""The longest pause within an answer."""

LEAST_BYTES_A_SECOND = 100_000
_GRACE_S = 60.0
"""A source may be slower than that for a minute, no longer: a drip would hold a worker for hours."""

_CONNECT_S = 10.0
_MOST_HOPS = 5
_MOST_RESUMES = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_PASSING = {408, 409, 425, 429}
_log = logging.getLogger(__name__)


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A token and the one origin that it is sent to; a redirect elsewhere goes without."""

    origin: str
    token: str


class _Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the head of an answer tells: how it can be known again, and from which byte on it is."""

    validator: str
    starts_at: int
    bytes: int | None
    encoding: str


class WebSource:
    """Downloads over guarded connections."""

    def __init__(
        self, http: GuardedHttp, policy: AddressPolicy, *, timeout_s: float, grace_s: float = _GRACE_S
    ) -> None:
        self._http = http
        self._policy = policy
        self._timeout_s = timeout_s
        self._grace_s = grace_s

    @asynccontextmanager
    async def open(self, url: str, most_bytes: int, login: Login | None = None) -> AsyncGenerator[Body]:
        """Give the file at `url`. Raises SourceFailed, also while it is read."""
        opened = await self._begin(url, login, {})
        offer = await _checked(opened)
        if offer.starts_at:
            await opened[1].aclose()
            raise SourceFailed("The source answers with a part of the file.", retryable=False)
        if offer.bytes is not None and offer.bytes > most_bytes and not offer.encoding:
            await opened[1].aclose()
            raise SourceFailed(f"The file has {offer.bytes:,} bytes; {most_bytes:,} are taken.", retryable=False)
        # The connection by itself too: closing a generator that was never begun does nothing.
        async with aclosing(opened[1]), aclosing(self._chunks(url, login, opened, offer)) as chunks:
            yield Body(chunks=chunks, encoding=offer.encoding)

    async def _chunks(self, url: str, login: Login | None, opened: Opened, first: _Offer) -> AsyncGenerator[bytes]:
        """Yield the raw body; where it breaks off and the server can take it up again, go on behind what came."""
        ticks = asyncio.get_running_loop().time
        began, received, resumes = ticks(), 0, 0
        while True:
            try:
                async with aclosing(opened[1]):
                    stream = aiter(cast("AsyncIterable[bytes]", opened[0].stream))
                    while True:
                        allowed_s = min(self._timeout_s, self._grace_s + received / LEAST_BYTES_A_SECOND)
                        chunk = await _next(stream, began + allowed_s)
                        if chunk is None:
                            return
                        received += len(chunk)
                        yield chunk
            except (*FAULTS, OSError) as fault:
                resumes += 1
                if not first.validator or first.encoding or resumes > _MOST_RESUMES:
                    raise SourceFailed("The connection to the source broke.", retryable=True) from fault
                _log.info("sources: an answer broke after %d bytes; taking it up again", received)
            opened = await self._begin(url, login, {"range": f"bytes={received}-", "if-range": first.validator})
            offer = await _checked(opened)
            if offer.starts_at != received or offer.validator != first.validator:
                await opened[1].aclose()
                raise SourceFailed("The source changed while it was read.", retryable=True)

    async def _begin(self, url: str, login: Login | None, headers: dict[str, str]) -> Opened:
        """Ask, and follow redirects; every hop is guarded like the first."""
        for _ in range(_MOST_HOPS + 1):
            response, connection = await self._ask(url, login, headers)
            if response.status not in _REDIRECTS:
                return await _accepted(response, connection)
            await connection.aclose()
            location = header(response, b"location")
            if not location:
                raise SourceFailed("The source redirects to nowhere.", retryable=False)
            url = urljoin(url, location)
        raise SourceFailed(f"The source redirects more than {_MOST_HOPS} times.", retryable=False)

    async def _ask(self, url: str, login: Login | None, headers: dict[str, str]) -> Opened:
        own = {"user-agent": "Tunewright-Sources/1", "accept": "*/*", **headers}
        if login is not None and _origin(url) == login.origin:
            own["authorization"] = f"Bearer {login.token}"
        try:
            target = parse_target(url, self._policy)
            async with asyncio.timeout(_CONNECT_S + STALLED_S):
                ask = Ask(method="GET", headers=own, connect_s=_CONNECT_S, read_s=STALLED_S)
                return await self._http.ask(target, ask, self._policy)
        except BadAddress as error:
            raise SourceFailed(f"The source's address is not open to us: {error}", retryable=False) from error
        except socket.gaierror as error:
            raise SourceFailed("The source's host name is not known.", retryable=True) from error
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise SourceFailed("The source does not answer in time.", retryable=True) from error
        except (*FAULTS, OSError) as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise SourceFailed("The source's certificate is not trusted.", retryable=True) from error
            raise SourceFailed("The source can't be reached.", retryable=True) from error


async def _next(stream: AsyncIterator[bytes], deadline: float) -> bytes | None:
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(stream, None)
    except TimeoutError as error:
        raise SourceFailed("The source sends too slowly.", retryable=True) from error


async def _accepted(response: httpcore2.Response, connection: httpcore2.AsyncHTTPConnection) -> Opened:
    """Return the answer if it is a success; what it says of itself otherwise is not passed on."""
    if response.status in {200, 206}:
        return response, connection
    await connection.aclose()
    raise SourceFailed(
        f"The source answers {response.status}.",
        retryable=response.status in _PASSING or response.status >= 500,
        retry_after_s=retry_after_s(response, clock.now()),
    )


async def _checked(opened: Opened) -> _Offer:
    try:
        return _offer(opened[0])
    except BaseException:
        await opened[1].aclose()
        raise


def _offer(response: httpcore2.Response) -> _Offer:
    """Read an answer's head. Raises SourceFailed for what is surely no dataset."""
    kind = header(response, b"content-type").partition(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"} or kind.startswith(("image/", "video/", "audio/", "multipart/")):
        raise SourceFailed(
            f"The source answers {kind}, which is no dataset; is there a log-in before it?", retryable=False
        )
    length = header(response, b"content-length")
    encoding = header(response, b"content-encoding").lower()
    etag = header(response, b"etag")
    takes_ranges = header(response, b"accept-ranges").lower() != "none"
    return _Offer(
        validator=etag if etag.startswith('"') and takes_ranges else "",
        starts_at=_starts_at(response),
        bytes=int(length) if length.isdecimal() and len(length) < 20 else None,
        encoding="" if encoding == "identity" else encoding,
    )


def _starts_at(response: httpcore2.Response) -> int:
    if response.status != 206:
        return 0
    start = header(response, b"content-range").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdecimal() and len(start) < 20 else -1


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
