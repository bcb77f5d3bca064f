"""A connection to one OpenAI-shaped endpoint: the SDK's client, own time limits, nothing from the environment."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import httpx2
import msgspec
import openai

from service.core.credentials import Scope
from service.settings import ProviderSettings
from workers.providers.gate import Call, Gate, operation_of
from workers.providers.openai_errors import bad_answer, from_exception
from workers.providers.presets import TARGETS
from workers.providers.protocol import ProviderError

_T = TypeVar("_T")
_CONNECT_S = 10.0
_READ_TRIES = 3
_READ_TOTAL_PAUSE_S = 4.0
_SDK_HEADERS = ("x-stainless-", "content-", "accept", "host", "user-agent", "connection", "transfer-encoding")
_operation: ContextVar[str] = ContextVar("operation", default="other")  # of the request that this task made last
_OWN_HEADERS = frozenset({"idempotency-key", "authorization"})


class _Answer(Protocol):
    @property
    def http_response(self) -> httpx2.Response: ...


Request = Callable[[], Awaitable[_Answer]]


class Connection:
    """Sends requests to one target; every failure leaves as ProviderError.

    Reads are tried three times within seconds, a longer pause is the caller's business. Writes are sent once. The SDK
    itself never retries (it would create three jobs, reference/reliability.md §1.7), and only headers that the
    configuration names are sent: the SDK would add `OPENAI_CUSTOM_HEADERS` and the like to whatever target.
    """

    def __init__(self, name: str, settings: ProviderSettings, gate: Gate) -> None:
        target = TARGETS[settings.preset]
        base_url = settings.base_url or target.base_url
        if base_url is None:
            raise ProviderError("refused", f"Provider {name} has no base_url.", retryable=False)
        self.name = name
        self._gate = gate
        self._settings = settings
        self._needs_key = target.needs_key and not settings.api_key
        self.secrets = tuple(s for s in (settings.api_key, *settings.extra_headers.values()) if s and len(s) >= 6)
        self.timeout = httpx2.Timeout(settings.request_timeout_s, connect=_CONNECT_S)
        self.http = httpx2.AsyncClient(
            timeout=self.timeout,
            trust_env=settings.trust_env,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20),
            event_hooks={"request": [self._clean]},
        )
        self.sdk = openai.AsyncOpenAI(
            api_key=settings.api_key or "none",
            base_url=base_url,
            organization=settings.organization,
            project=settings.project,
            timeout=self.timeout,
            max_retries=0,
            default_headers=settings.extra_headers or None,
            default_query=settings.extra_query or None,
            http_client=self.http,
        )

    async def _clean(self, request: httpx2.Request) -> None:
        _operation.set(operation_of(request.method, request.url.path))
        allowed = _OWN_HEADERS | {name.lower() for name in self._settings.extra_headers}
        if self._settings.organization:
            allowed |= {"openai-organization"}
        if self._settings.project:
            allowed |= {"openai-project"}
        for header in list(request.headers):
            if header not in allowed and not header.startswith(_SDK_HEADERS):
                del request.headers[header]
        if "authorization" not in {name.lower() for name in self._settings.extra_headers}:
            request.headers["authorization"] = f"Bearer {self._settings.api_key or 'none'}"

    def check_key(self) -> None:
        """Raise ProviderError where the target wants a key and none is configured."""
        if self._needs_key:
            raise ProviderError("unauthorized", f"Provider {self.name} has no API key configured.", retryable=False)

    async def read(self, request: Request) -> bytes:
        """Send a GET, again after a failure that passes; return the body of the success."""
        paused = 0.0
        for attempt in range(_READ_TRIES):
            try:
                return await self._send(request, ("read",))
            except ProviderError as error:
                pause = error.retry_after_s if error.retry_after_s is not None else 0.25 * 2**attempt
                pause *= random.uniform(1.0, 1.3)
                paused += pause
                if error.reason not in {"unavailable", "rate_limited"} or paused > _READ_TOTAL_PAUSE_S:
                    raise
                if attempt == _READ_TRIES - 1:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def write(self, request: Request, *, creates: bool = False) -> bytes:
        """Send a request that changes something, once; after an unclear failure the error says `executed`.

        `creates` says that it is one that a spent quota stops.
        """
        return await self._send(request, ("create", "write") if creates else ("write",))

    async def _send(self, request: Request, scopes: tuple[Scope, ...]) -> bytes:
        self.check_key()
        await self._gate.admit(scopes)
        write = "write" in scopes
        began = asyncio.get_running_loop().time()
        try:
            answer = await request()
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            failure = from_exception(error, name=self.name, write=write, secrets=self.secrets)
            await self._heard(began, failure, scopes)
            raise failure from error
        await self._heard(began, None, scopes)
        return answer.http_response.content

    async def _heard(self, began: float, failure: ProviderError | None, scopes: tuple[Scope, ...]) -> None:
        seconds = asyncio.get_running_loop().time() - began
        await self._gate.heard(Call(operation=_operation.get(), scopes=scopes, seconds=seconds), failure)

    def decode(self, content: bytes, kind: type[_T], what: str, *, write: bool = False) -> _T:
        """Decode a JSON body; whatever is not a `kind` (HTML, a list, null) is ProviderError "bad_answer"."""
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise bad_answer(self.name, what, write=write) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()


def items(raw: Iterable[msgspec.Raw], kind: type[_T]) -> list[_T]:
    """Decode the members of a list page, leaving out those that are no `kind`."""
    found: list[_T] = []
    for one in raw:
        try:
            found.append(msgspec.json.decode(one, type=kind))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return found


class Page(msgspec.Struct):
    """A list page; `data` keeps the items undecoded, so that one bad item does not lose the others."""

    data: list[msgspec.Raw]
    has_more: Any = None
    object: Any = None
    tunewright: Any = None
