"""The inference process as an ASGI application: chat and completion calls in, the holder's bytes out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, aclosing, contextmanager
from typing import Any, cast

import msgspec
from redis.exceptions import RedisError

from service.core.chat import MAX_BODY_BYTES
from service.core.errors import (
    InvalidRequest,
    NotFound,
    RateLimited,
    TooLarge,
    TunewrightError,
    Unavailable,
    UpstreamFailed,
)
from workers.inference_models import Resolver
from workers.providers.protocol import ProviderError, Reply
from workers.providers.registry import Providers

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 512
_MOST_LOCAL = 64
_PATHS = frozenset({"/chat/completions", "/completions"})

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientGone(Exception):
    """The client ended the connection; nobody reads an answer."""


class InferenceApp:
    """Routes `POST /chat/completions`, `POST /completions` and `GET /health`; errors are OpenAI's envelope."""

    def __init__(self, resolver: Resolver, providers: Providers) -> None:
        self._resolver = resolver
        self._providers = providers
        self._places = _Places(_MOST_AT_ONCE)
        self._local_places = _Places(_MOST_LOCAL)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; a client that goes away ends the work for it."""
        if scope["type"] != "http":
            return
        gone = work = None
        try:
            body = await _read(receive)
            gone = asyncio.create_task(_disconnected(receive))
            work = asyncio.create_task(self._answer(scope["method"], scope["path"], body, send))
            await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        except TooLarge as error:
            await _send_reply(_envelope(error), send)
        except ClientGone:
            return
        finally:
            await _end(gone, work)

    async def _answer(self, method: str, path: str, body: bytes, send: Send) -> None:
        """Send the answer, or what went wrong before it was begun."""
        async with AsyncExitStack() as stack:
            try:
                reply = await self._reply(method, path, body, stack)
            except TunewrightError as error:
                reply = _envelope(error)
            except ProviderError as error:
                reply = _envelope(_told(error))
            except RedisError:
                reply = _envelope(Unavailable("The store does not answer now. Try again."))
            except Exception:  # noqa: BLE001  the last handler
                _log.exception("%s %s failed", method, path)
                reply = _envelope(TunewrightError("The inference process had an error while answering."))
            await _send_reply(reply, send)

    async def _reply(self, method: str, path: str, body: bytes, stack: AsyncExitStack) -> Reply:
        """Return the answer; `stack` counts it as being written until it is closed."""
        if method == "GET" and path == "/health":
            return Reply(status=200, content_type="application/json", body=_once(b'{"status":"ok"}'))
        if path not in _PATHS or method != "POST":
            raise NotFound(f"Invalid URL ({method} {path[:200]})", code="unknown_url")
        members = _members(body)
        holder = await self._resolver.resolve(_model_of(members))
        stack.enter_context(self._places.taken() if not holder.is_local else self._local_places.taken())
        members["model"] = msgspec.Raw(msgspec.json.encode(holder.remote_name))
        return await self._providers.get(holder.provider).call(path.lstrip("/"), msgspec.json.encode(members))


class _Places:
    """A bound on answers being written at the same time."""

    def __init__(self, most: int) -> None:
        self._left = most

    @contextmanager
    def taken(self) -> Generator[None]:
        """Take a place. Raises Unavailable where none is left."""
        if self._left <= 0:
            raise Unavailable("Too many answers are being written; try again.", code="server_is_overloaded")
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the body's members undecoded, so that they are passed on byte for byte."""
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"We could not parse the JSON body of your request: {error}.") from error


def _model_of(members: dict[str, msgspec.Raw]) -> str:
    raw = members.get("model")
    if raw is None:
        raise InvalidRequest("you must provide a model parameter", param="model", code="missing_required_parameter")
    name = msgspec.json.decode(raw)
    if not isinstance(name, str) or not 0 < len(name) <= 512:
        message = "Invalid 'model': a string of 1 to 512 characters is expected."
        raise InvalidRequest(message, param="model", code="invalid_value")
    return name


def _told(error: ProviderError) -> TunewrightError:
    """Return what the client is told of a provider's refusal."""
    if error.reason == "refused":
        return InvalidRequest(error.message, param=error.param, code=error.code)
    if error.reason in {"not_found", "unsupported"}:
        return NotFound(error.message, param=error.param, code=error.code or "model_not_found")
    if error.reason in {"quota", "daily_limit", "concurrent_limit", "rate_limited"}:
        return RateLimited(error.message, code=error.code, retry_after_s=error.retry_after_s)
    if error.reason in {"unavailable", "not_ready"}:
        return Unavailable(error.message, code="provider_unreachable", retry_after_s=error.retry_after_s or 2.0)
    return UpstreamFailed(error.message)


def _envelope(error: TunewrightError) -> Reply:
    body = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    headers = (
        () if error.retry_after_s is None else ((b"retry-after", str(max(1, round(error.retry_after_s))).encode()),)
    )
    return _Refusal(
        status=error.status,
        content_type="application/json",
        body=_once(msgspec.json.encode({"error": body})),
        headers=headers,
    )


class _Refusal(Reply, frozen=True, kw_only=True):
    """A reply with headers of its own."""

    headers: tuple[tuple[bytes, bytes], ...] = ()


async def _send_reply(reply: Reply, send: Send) -> None:
    """Send a reply as it comes; when its body breaks, so does the connection, and the client sees that it did."""
    headers = [(b"content-type", reply.content_type.encode("latin-1", "replace")), (b"cache-control", b"no-store")]
    if isinstance(reply, _Refusal):
        headers += reply.headers
    async with aclosing(cast("Any", reply.body)) as chunks:
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        body += event.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"The request body is larger than {MAX_BODY_BYTES:,} bytes.", code="body_too_large")
        if not event.get("more_body", False):
            return bytes(body)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: "asyncio.Task[None] | None") -> None:
    running = {task for task in tasks if task is not None and not task.done()}
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
