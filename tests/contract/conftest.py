"""Targets that the conformance suite runs on: training here, and a whole second Tunewright through the real SDK."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.core.ids import JOB, make
from service.core.jobs import Hyperparameters, Method
from service.core.remote import CreateRequest, RemoteJob
from service.settings import ProviderSettings, Settings
from tests.e2e.stack import Stack
from workers.providers.protocol import FineTuner, Upload
from workers.providers.registry import Providers

MODEL = "tunewright-tiny"
SLOW = {"min_step_seconds": 0.1}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A place to train at: settings that reach it, and the options that make its steps slow."""

    name: str
    settings: Settings
    slow: dict[str, Any]


@contextmanager
def _local(folder: Path) -> Iterator[Target]:
    settings = Settings(data_dir=folder, organization="acme", providers={"local": ProviderSettings(type="local")})
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TUNEWRIGHT_")}
    environment = {**clean, "TUNEWRIGHT_DATA_DIR": str(folder), "TUNEWRIGHT_TRAINING_SLOTS": "2"}
    trainer = subprocess.Popen([sys.executable, "-m", "workers", "train"], env=environment)
    try:
        yield Target(name="local", settings=settings, slow=SLOW)
    finally:
        trainer.terminate()
        trainer.wait(180)


@contextmanager
def _chained(folder: Path) -> Iterator[Target]:
    stack = Stack(folder, config="training_slots = 2\n")
    stack.start()
    remote = ProviderSettings(preset="generic", base_url=stack.base_url, api_key="any")
    try:
        yield Target(
            name="up",
            settings=Settings(data_dir=folder / "mine", providers={"up": remote}),
            slow={"tunewright": {"provider_options": SLOW}},
        )
    finally:
        assert stack.stop() == 0


TARGETS: dict[str, Callable[[Path], Any]] = {"local": _local, "tunewright": _chained}


@pytest.fixture(scope="session", params=list(TARGETS))
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="tw-contract-") as folder, TARGETS[request.param](Path(folder)) as running:
        yield running


@pytest.fixture
async def provider(target: Target) -> AsyncIterator[FineTuner]:
    providers = Providers(target.settings)
    yield providers.get(target.name)
    await providers.aclose()


@pytest.fixture
def dataset(tmp_path: Path) -> Upload:
    """Bytes that no other test has."""
    return written(tmp_path, uuid.uuid4().hex)


def written(folder: Path, salt: str) -> Upload:
    lines = [
        {
            "messages": [
                {"role": "user", "content": f"{salt} item {n}?"},
                {"role": "assistant", "content": ("no", "yes")[n % 2]},
            ]
        }
        for n in range(24)
    ]
    return _upload(folder, lines)


def preferences(folder: Path) -> Upload:
    salt = uuid.uuid4().hex
    lines = [
        {
            "input": {"messages": [{"role": "user", "content": f"{salt} item {n}?"}]},
            "preferred_output": [{"role": "assistant", "content": "yes"}],
            "non_preferred_output": [{"role": "assistant", "content": "no"}],
        }
        for n in range(24)
    ]
    return _upload(folder, lines)


def _upload(folder: Path, lines: list[dict[str, Any]]) -> Upload:
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest
    path.write_bytes(content)
    return Upload(path=path, filename="data.jsonl", sha256=digest, bytes=len(content))


def asked(training_file: str, **members: Any) -> CreateRequest:
    given: dict[str, Any] = {
        "mark": make(JOB),
        "model": MODEL,
        "training_file": training_file,
        "validation_file": None,
        "method": Method(hyperparameters=Hyperparameters(n_epochs=2, batch_size=4, learning_rate_multiplier=1.0)),
        "suffix": "contract",
        "seed": 7,
        "metadata": {"team": "a"},
        "tokens_per_epoch": 500,
    }
    return CreateRequest(**(given | members))


async def reached(provider: FineTuner, remote_id: str, *statuses: str, seconds: float = 180.0) -> RemoteJob:
    """Poll until the job has one of `statuses`."""
    async with asyncio.timeout(seconds):
        while True:
            job = (await provider.poll([remote_id]))[remote_id]
            if job.status in statuses:
                return job
            assert job.status not in {"failed", "cancelled", "succeeded"}, job
            await asyncio.sleep(0.1)
