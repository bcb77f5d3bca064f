"""What a handler needs of its process and its caller."""

from typing import Any, cast

import msgspec
from litestar import Request

from service.api.http_metrics import HttpMetrics
from service.core.placement import Place
from service.runtime import Runtime
from service.store.idempotency import IdempotencyStore

HttpRequest = Request[Any, Any, Any]


class ApiContext(msgspec.Struct, frozen=True, kw_only=True):
    """The stores of this process; `idempotency` is the API's own, `places` are the configured providers."""

    runtime: Runtime
    idempotency: IdempotencyStore
    places: tuple[Place, ...]
    http_metrics: HttpMetrics
    version: str


def context_of(request: HttpRequest) -> ApiContext:
    """Return the context that the application was started with."""
    return cast("ApiContext", request.app.state.context)


def runtime_of(request: HttpRequest) -> Runtime:
    """Return the stores of this process."""
    return context_of(request).runtime


def caller_of(request: HttpRequest) -> str:
    """Return the id of the API key that asks, `anonymous` where none is needed."""
    return cast("str", request.scope.get("caller", "anonymous"))


def set_caller(scope: Any, caller: str) -> None:
    """Leave the caller's id for the handler."""
    scope["caller"] = caller
