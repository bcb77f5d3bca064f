"""The API's chat routes in front of a running inference application, both on real sockets."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
import uvicorn
from litestar import Litestar

from service.api.chat import chat, open_inference
from service.api.front import Front
from service.api.http_metrics import HttpMetrics
from service.core.models import TunedModel
from service.settings import ProviderSettings, Settings
from tests.providers.conftest import KEY
from tests.providers.upstream import Upstream
from workers.inference import listening, serve
from workers.inference_app import InferenceApp
from workers.inference_models import Resolver
from workers.providers.registry import Providers


class Records(dict[str, TunedModel]):
    """Tuned models in memory."""

    async def get(self, name: str) -> TunedModel | None:  # type: ignore[override]
        return super().get(name)

    def add(self, name: str, provider: str, remote_name: str) -> None:
        self[name] = TunedModel(
            name=name, provider=provider, remote_name=remote_name, base="b", job_id="ftjob-1", created_at=1
        )


class Open:
    """Admits everybody."""

    async def admit(self, scope: Any) -> str:
        return "anonymous"


@dataclass
class Stack:
    """Both processes; `stop_inference` and `start_inference` work on the second."""

    settings: Settings
    upstream: Upstream
    url: str = ""
    records: Records = field(default_factory=Records)
    app: InferenceApp | None = None
    _inference: AsyncExitStack | None = None

    async def start_inference(self) -> None:
        self._inference = AsyncExitStack()
        providers = Providers(self.settings)
        self._inference.push_async_callback(providers.aclose)
        self.app = InferenceApp(Resolver(self.records, providers), providers)
        listener = self._inference.enter_context(listening(self.settings.inference))
        stop = asyncio.Event()
        task = asyncio.create_task(serve(self.app, listener, stop))

        async def end() -> None:
            stop.set()
            await task

        self._inference.push_async_callback(end)

    async def stop_inference(self) -> None:
        assert self._inference is not None
        await self._inference.aclose()

    def client(self, *, strict: bool = True) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=f"{self.url}/v1", api_key="none", max_retries=0, _strict_response_validation=strict
        )


@pytest.fixture
async def stack(upstream: Upstream) -> AsyncIterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="tw-inf-") as folder:
        remote = ProviderSettings(preset="openai", base_url=upstream.url, api_key=KEY, request_timeout_s=5.0)
        named = ProviderSettings(base_url=upstream.url, models=("named-1",))
        settings = Settings(
            data_dir=Path(folder), providers={"local": ProviderSettings(type="local"), "up": remote, "other": named}
        )
        running = Stack(settings=settings, upstream=upstream)
        await running.start_inference()
        async with _api(running):
            yield running
        await running.stop_inference()


@asynccontextmanager
async def _api(running: Stack) -> AsyncIterator[None]:
    app = Litestar(
        list(chat),
        lifespan=[partial(open_inference, settings=running.settings)],
        exception_handlers={Exception: _raise},
        openapi_config=None,
    )
    front = Front(app, HttpMetrics(), "org")
    front.open(Open())  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(front, port=0, log_config=None, timeout_graceful_shutdown=2))
    server.capture_signals = _none  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    running.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield
    server.should_exit = True
    await task


def _raise(request: object, error: Exception) -> Any:
    raise error


class _none:  # noqa: N801
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...
