"""A whole worker without RQ and without a provider's delays: real Redis, real blobs, real checker."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from service.core import clock, moves
from service.core.files import FileRecord
from service.core.ids import make
from service.core.jobs import Hyperparameters, Input, Job, Method
from service.runtime import Runtime, open_runtime
from service.settings import Settings, load
from tests.workers.fakes import FakeProvider, FakeProviders
from workers.context import Context
from workers.look import Looker
from workers.providers.registry import Providers
from workers.steps import STEPS


class Bench:
    """Drives looks by hand: what is in the due set is looked at, whenever it is due."""

    def __init__(self, runtime: Runtime, provider: FakeProvider, providers: Providers | None = None) -> None:
        self.runtime = runtime
        self.provider = provider
        providers = providers or cast("Providers", FakeProviders(provider, FakeProvider("remote")))
        self.looker = Looker(Context(runtime=runtime, providers=providers), STEPS)

    async def dataset(self, lines: list[dict[str, Any]] | bytes) -> FileRecord:
        """Store a file of purpose fine-tune as the API does."""
        data = lines if isinstance(lines, bytes) else b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        async with self.runtime.blobs.open_write() as writer:
            await writer.write(data)
            blob = await writer.commit()
        record = FileRecord(
            id=make("file-"),
            filename="t.jsonl",
            purpose="fine-tune",
            bytes=blob.bytes,
            sha256=blob.sha256,
            created_at=1,
        )
        return await self.runtime.files.create(record)

    async def job(self, training: FileRecord, **changes: object) -> Job:
        """Submit a job as the API does."""
        fresh = Job(
            id=make("ftjob-"),
            created_at=int(clock.now()),
            model="tunewright-tiny",
            requested_model="tunewright-tiny",
            provider="local",
            method=Method(),
            training=Input(
                file_id=training.id, sha256=training.sha256, bytes=training.bytes, filename=training.filename
            ),
            seed=1,
            hyperparameters=Hyperparameters(),
        )
        return await self.runtime.jobs.create(moves.submit(msgspec.structs.replace(fresh, **changes)))

    async def look(self, member: str) -> None:
        await self.looker.look(member)

    async def read(self, job: Job) -> Job:
        found = await self.runtime.jobs.get(job.id)
        assert found is not None
        return found

    async def drive(self, job: Job, looks: int = 8) -> Job:
        """Look at the job until its step stands still, as the ticker would."""
        for _ in range(looks):
            await self.look(f"job:{job.id}")
        return await self.read(job)

    async def poll(self, job: Job) -> Job:
        await self.look("poll:local")
        return await self.drive(job, 2)


def chat(number: int, answer: str = "yes") -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": f"Is {number} a number?"},
            {"role": "assistant", "content": answer},
        ]
    }


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    remote = {"type": "openai", "base_url": "http://127.0.0.1:1/v1"}
    return load(environ={}, redis_url=redis_url, data_dir=tmp_path, providers={"remote": remote})


@pytest.fixture
async def bench(settings: Settings) -> AsyncIterator[Bench]:
    async with open_runtime(settings) as runtime:
        yield Bench(runtime, FakeProvider())
