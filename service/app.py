"""The API as an ASGI application: `uvicorn --factory service.app:create_app`."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from service.api.chat import chat, open_inference
from service.api.context import ApiContext
from service.api.datasets import datasets
from service.api.documentation import documentation
from service.api.estimates import estimates
from service.api.files import files
from service.api.front import Front
from service.api.gate import Gate
from service.api.health import health
from service.api.http_metrics import HttpMetrics
from service.api.jobs import jobs
from service.api.metrics import get_metrics_text
from service.api.models import models
from service.api.provider_webhooks import provider_webhooks
from service.api.uploads import uploads
from service.api.webhook_deliveries import webhook_deliveries
from service.api.webhooks import webhook_endpoints, webhook_event_types
from service.core.placement import Place
from service.runtime import Runtime, open_runtime
from service.settings import ConfigurationError, Settings, load
from service.store.idempotency import IdempotencyStore

_log = logging.getLogger(__name__)

ROUTES: Sequence[ControllerRouterHandler] = (
    files,
    uploads,
    datasets,
    estimates,
    jobs,
    models,
    *chat,
    webhook_endpoints,
    webhook_deliveries,
    webhook_event_types,
    provider_webhooks,
    health,
    get_metrics_text,
    *documentation,
)


def create_app(settings: Settings | None = None) -> Litestar:
    """Return the application; settings are read now, stores are opened at its start.

    Its start raises ConfigurationError where it would be open to others without a key, and what `open_runtime` raises.
    """
    chosen = settings or load()
    metrics = HttpMetrics()

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async with open_runtime(chosen) as runtime, open_inference(app, chosen):
            gate = Gate(runtime.keys, is_loopback=chosen.is_loopback)
            await _check_open(gate, chosen)
            app.state.context = _context(runtime, metrics)
            front.open(gate)
            yield

    app = Litestar(
        route_handlers=ROUTES,
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    front = Front(app.asgi_router, metrics, chosen.organization)
    app.asgi_handler = front
    return app


def _context(runtime: Runtime, metrics: HttpMetrics) -> ApiContext:
    places = [
        Place(name=name, target=provider.target, models=provider.models)
        for name, provider in runtime.settings.providers.items()
    ]
    return ApiContext(
        runtime=runtime,
        idempotency=IdempotencyStore(runtime.redis),
        places=tuple(places),
        http_metrics=metrics,
        version=version("tunewright"),
    )


async def _check_open(gate: Gate, settings: Settings) -> None:
    """Refuse to be open to other machines without a key; say so where this machine needs none."""
    if await gate.has_keys():
        return
    if not settings.is_loopback:
        raise ConfigurationError(
            f"The service would listen on {settings.host} without any API key. Make one: `tunewright keys create`."
        )
    _log.warning("no API key is configured: every program on this machine may use the service")
