"""The way to the inference process: bytes there and back, nothing read but the head of the answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2

from service.api.bodies import ClientGone, check_json_type, stream
from service.api.context import HttpRequest
from service.api.replies import StreamReply
from service.core.chat import MAX_BODY_BYTES
from service.core.errors import TunewrightError, Unavailable

_UNIX = "unix:"
_LONGEST_ANSWER_S = 660.0
_PASSED_ON = (b"content-type", b"content-length", b"cache-control", b"retry-after")
_TIMEOUT = httpx2.Timeout(_LONGEST_ANSWER_S, connect=2.0, pool=5.0)
_LIMITS = httpx2.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=30.0)


class InferenceClient:
    """Relays calls to `address`, `http://host:port` or `unix:PATH`. One per application; close it."""

    def __init__(self, address: str) -> None:
        socket = address.removeprefix(_UNIX) if address.startswith(_UNIX) else None
        self._client = httpx2.AsyncClient(
            base_url="http://inference" if socket else address,
            transport=httpx2.AsyncHTTPTransport(uds=socket, limits=_LIMITS, trust_env=False),
            timeout=_TIMEOUT,
            trust_env=False,
            headers={"accept-encoding": "identity"},
        )

    async def relay(self, request: HttpRequest, path: str) -> StreamReply:
        """Send the request's body to `path`, and return the answer with its status, type and bytes as they come.

        Raises Unavailable while the inference process does not answer, TooLarge, and ClientGone: who goes away before
        the answer begins ends the work for it.
        """
        check_json_type(request)
        read = asyncio.Event()
        call = self._client.build_request(
            "POST", path, content=_body(request, read), headers={"content-type": "application/json"}
        )
        sending = asyncio.create_task(self._client.send(call, stream=True))
        leaving = asyncio.create_task(_left(request, read))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ClientGone("The client went away before the answer.")
            response = sending.result()
        except httpx2.HTTPError as error:
            message = "The inference process does not answer; it may be starting. Try again."
            raise Unavailable(message, code="inference_unavailable") from error
        finally:
            await _end(sending, leaving)
        headers = tuple((name, value) for name, value in response.headers.raw if name.lower() in _PASSED_ON)
        return StreamReply(_chunks(response), status=response.status_code, headers=headers)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _body(request: HttpRequest, read: asyncio.Event) -> AsyncIterator[bytes]:
    async for chunk in stream(request, MAX_BODY_BYTES):
        yield chunk
    read.set()


async def _chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()


async def _left(request: HttpRequest, read: asyncio.Event) -> None:
    """Return when the client has gone; nobody else may listen to it, so first the body has to be read."""
    await read.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _end(sending: "asyncio.Task[httpx2.Response]", leaving: "asyncio.Task[None]") -> None:
    tasks = {task for task in (sending, leaving) if not task.done()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    if sending in tasks and not sending.cancelled():
        with suppress(httpx2.HTTPError, TunewrightError):
            await sending.result().aclose()  # it was answered in the moment of the cancel
