"""The API as it runs in production: uvicorn with a real socket, real Redis, a folder for blobs; no worker."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec
import openai
import pytest
import uvicorn

from service.app import create_app
from service.core import moves
from service.core.dataset.report import Finding, PerExample, Report, Tokens
from service.core.files import FileRecord
from service.core.jobs import Change, Job, JobError, NewEvent
from service.runtime import Runtime, open_runtime
from service.settings import ProviderSettings, Settings
from service.store.reports import ReportRequest
from tests.conftest import RedisServer
from tests.waiting import until

_T = TypeVar("_T")
LINE = b'{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]}\n'
TINY = "tunewright-tiny"


class Api:
    """A served application and its clients."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.base = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            create_app(settings), log_level="warning", loop="uvloop", http="httptools", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)
        self.http = httpx2.Client(base_url=self.base, trust_env=False, timeout=20)

    def start(self) -> None:
        self._thread.start()
        until(lambda: self._server.started or not self._thread.is_alive(), "the API has started")
        assert self._thread.is_alive(), "the API did not start"

    def stop(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join(15)
        self._listener.close()

    def sdk(self, **options: Any) -> openai.OpenAI:
        """The unmodified SDK, which refuses any object that is not exactly OpenAI's."""
        options = {"max_retries": 0, "_strict_response_validation": True, "api_key": "any", **options}
        http = httpx2.Client(trust_env=False, timeout=20)
        return openai.OpenAI(base_url=f"{self.base}/v1", http_client=http, **options)

    def abandon(self, beginning: bytes) -> None:
        """Send the beginning of a request, go away once it is being answered, and return when that has ended."""
        with socket.create_connection(("127.0.0.1", self.port)) as raw:
            raw.sendall(beginning)
            until(lambda: self._in_flight() > 0, "it is being answered")
        until(lambda: self._in_flight() == 0, "its end has come")

    def _in_flight(self) -> int:
        """How many requests are being answered beside the one that asks for it."""
        text = self.http.get("/metrics").text
        return int(text.partition("\ntunewright_http_requests_in_flight ")[2].partition("\n")[0]) - 1

    def do(self, work: Callable[[Runtime], Awaitable[_T]]) -> _T:
        """Do what another process would do, with stores of its own."""

        async def run() -> _T:
            async with open_runtime(self.settings) as runtime:
                return await work(runtime)

        return asyncio.run(run())

    def dataset(self, content: bytes = LINE * 12, **query: str) -> str:
        answer = self.http.post("/v1/datasets", content=content, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def job(self, **members: Any) -> dict[str, Any]:
        body = {"model": TINY, "training_file": members.pop("training_file", None) or self.dataset(), **members}
        answer = self.http.post("/v1/fine_tuning/jobs", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def settings_for(redis_url: str, data_dir: Path, **more: Any) -> Settings:
    providers = {
        "local": ProviderSettings(type="local"),
        "openai": ProviderSettings(preset="openai", api_key="k"),
        "other": ProviderSettings(base_url="https://models.example.com/v1", models=("acme/llama-9",)),
    }
    return Settings(**{"redis_url": redis_url, "data_dir": data_dir, "providers": providers, **more})


@contextmanager
def served(settings: Settings) -> Iterator[Api]:
    running = Api(settings)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def _module_api(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    redis_server.start()
    redis_server.flush()
    with served(settings_for(redis_server.url, tmp_path_factory.mktemp("data"))) as running:
        yield running


@pytest.fixture
def api(_module_api: Api, redis_url: str) -> Api:
    """A served application with an empty Redis."""
    return _module_api


@pytest.fixture
def client(api: Api) -> Iterator[openai.OpenAI]:
    with api.sdk() as client:
        yield client


def report_of(request: ReportRequest, *, errors: tuple[Finding, ...] = (), examples: int = 12) -> Report:
    """What a worker's check would find."""
    return Report(
        dataset=request.file_id,
        valid=not errors,
        format="chat",
        method=request.method,
        model=request.model,
        lines=examples,
        examples=examples,
        bytes=1,
        sha256=request.sha256,
        errors=errors,
        warnings=(),
        error_count=len(errors),
        warning_count=0,
        counts=Counter(finding.code for finding in errors),
        truncated=False,
        tokens=Tokens(
            encoding="o200k_base",
            total=12_000,
            billable=12_000,
            trained=6_000,
            per_example=PerExample(min=1, p5=1, p50=1_000, mean=1_000.0, p95=1_000, max=2_000),
            histogram=(),
        ),
        over_limit=0,
        checked_with={"encoding": "o200k_base"},
    )


def check(api: Api, file_id: str, **more: Any) -> None:
    """Do the worker's check of a dataset."""

    async def work(runtime: Runtime) -> None:
        record = await runtime.files.get(file_id)
        assert record is not None
        request = ReportRequest(
            file_id=file_id,
            sha256=record.sha256,
            model=record.asked_model or runtime.settings.default_model,
            method=record.asked_method or "supervised",
        )
        await runtime.reports.keep(request, report_of(request, **more))

        def verdict(old: FileRecord) -> FileRecord:
            key = runtime.reports.key(request)
            return msgspec.structs.replace(
                old,
                status="processed",
                valid=True,
                error_count=0,
                warning_count=0,
                format="chat",
                examples=12,
                report_key=key,
            )

        await runtime.files.finish_check(file_id, verdict)

    api.do(work)


def events_of(count: int) -> tuple[NewEvent, ...]:
    def data(step: int) -> dict[str, Any]:
        return {"step": step, "total_steps": count, "train_loss": 1 / step, "train_mean_token_accuracy": 0.5}

    return tuple(NewEvent(message=f"Step {step}", type="metrics", data=data(step)) for step in range(1, count + 1))


def moved(api: Api, job_id: str, move: Any) -> Job:
    """Do a worker's move."""

    async def work(runtime: Runtime) -> Job:
        return await runtime.jobs.modify(job_id, move)

    return api.do(work)


def with_events(job: Job, count: int) -> Change:
    return Change(job=job, events=events_of(count))


def failed(job: Job) -> Change:
    return moves.fail(job, JobError(code="server_error", message="broken", param=None), 1_800_000_000)
