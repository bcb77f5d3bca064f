"""The outermost layer: request ids, authentication, timing, and the error envelope for whatever goes wrong below."""

import logging
import secrets
from time import perf_counter
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.api.context import set_caller
from service.api.errors import reply_for
from service.api.gate import Gate
from service.api.http_metrics import HttpMetrics
from service.core.errors import Unauthenticated
from service.core.ids import REQUEST

_log = logging.getLogger(__name__)
_UNROUTED = "unrouted"


class Front:
    """Wraps Litestar's router. `open` gives it the gate once the stores are there."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, organization: str) -> None:
        self._app = app
        self._metrics = metrics
        self._gate: Gate | None = None
        self._own_headers = [(b"openai-organization", organization.encode()), (b"openai-version", b"2020-10-01")]

    def open(self, gate: Gate) -> None:
        """Take requests from now on."""
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever is raised below becomes an answer, unless one was begun."""
        if scope["type"] != "http" or self._gate is None:
            await self._app(scope, receive, send)
            return
        sending = _Sending(send, self._own_headers)
        self._metrics.in_flight += 1
        try:
            set_caller(scope, await self._gate.admit(scope))
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001  the last handler
            if isinstance(error, Unauthenticated):
                self._metrics.auth_failures += 1
            await self._answer(error, scope, receive, sending)
        finally:
            self._metrics.in_flight -= 1
            route = str(scope.get("path_template") or _UNROUTED)
            seconds = perf_counter() - sending.began
            self._metrics.observe(str(scope["method"]), route, sending.status, seconds, _size(scope))

    async def _answer(self, error: Exception, scope: Scope, receive: Receive, sending: "_Sending") -> None:
        if sending.status:
            _log.error("%s: the answer broke off", sending.request_id, exc_info=error)
            raise error  # the server cuts the connection, so that the client sees that the end is missing
        await reply_for(error, scope, sending.request_id)(scope, receive, sending)


def _size(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else None
    return None


class _Sending:
    """A request's way out: adds our headers to the answer's head and keeps its status (0 until there is one)."""

    __slots__ = ("_headers", "_send", "began", "request_id", "status")

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.status = 0
        self.request_id = REQUEST + secrets.token_hex(16)
        self.began = perf_counter()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            spent_ms = str(int((perf_counter() - self.began) * 1000)).encode()
            head: Any = message
            head["headers"] = [
                *message["headers"],
                (b"x-request-id", self.request_id.encode()),
                (b"openai-processing-ms", spent_ms),
                *self._headers,
            ]
        await self._send(message)
