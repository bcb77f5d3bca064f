"""A whole world for one test: private Redis, provider with a ledger, receiver, processes; and what must hold in it."""

import asyncio
import contextlib
import random
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from redis.exceptions import RedisError

from service.core import clock, ids, moves
from service.core.files import FileRecord
from service.core.invariants import TERMINAL_TYPES, RemoteFacts, check, check_accepted, check_remote
from service.core.jobs import Hyperparameters, Input, Job, Method
from service.runtime import Runtime, open_runtime
from service.settings import ProviderSettings, Settings
from service.store import invariants
from tests.conftest import RedisServer
from tests.faults.ledger import MARK, Pace, Provider
from tests.faults.trees import Crash, Nursery, Tree
from tests.waiting import until_async
from tests.webhooks.conftest import endpoint
from tests.webhooks.receiver import FaultyReceiver

ROLES = ("ticker", "worker", "deliver")
LINES = b"".join(
    b'{"messages":[{"role":"user","content":"Is %d a number?"},{"role":"assistant","content":"yes"}]}\n' % number
    for number in range(10)
)


@dataclass
class World:
    """What a test sees of its world."""

    folder: Path
    server: RedisServer
    provider: Provider
    receiver: FaultyReceiver
    settings: Settings
    runtime: Runtime
    nursery: Nursery
    trees: list[Tree] = field(default_factory=list[Tree])
    accepted: list[str] = field(default_factory=list[str])
    _ends: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    _received: int = 0

    @property
    def flag(self) -> Path:
        return self.folder / "struck"

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text("utf-8", "replace")[-6000:] if path.exists() else ""

    def grow(self, *roles: str, crash: Crash | None = None, **more: Any) -> Tree:
        """Start processes; `ROLES` if none are named."""
        tree = self.nursery.grow(self.settings, *(roles or ROLES), log=self.folder / "log", crash=crash, **more)
        self.trees.append(tree)
        return tree

    async def dataset(self, content: bytes = LINES) -> FileRecord:
        """Store a file of purpose fine-tune, as the API does."""
        async with self.runtime.blobs.open_write() as writer:
            await writer.write(content)
            blob = await writer.commit()
        record = FileRecord(
            id=ids.make(ids.FILE),
            filename="t.jsonl",
            purpose="fine-tune",
            bytes=blob.bytes,
            sha256=blob.sha256,
            created_at=int(clock.now()),
        )
        return await self.runtime.files.create(record)

    async def job(self, training: FileRecord, **changes: Any) -> Job:
        """Submit a job, as the API does."""
        part = Input(file_id=training.id, sha256=training.sha256, bytes=training.bytes, filename=training.filename)
        fresh = Job(
            id=ids.make(ids.JOB),
            created_at=int(clock.now()),
            model="base-1",
            requested_model="base-1",
            provider="remote",
            method=Method(),
            training=part,
            seed=1,
            hyperparameters=Hyperparameters(),
        )
        job = await self.runtime.jobs.create(moves.submit(msgspec.structs.replace(fresh, **changes)))
        self.accepted.append(job.id)
        return job

    async def read(self, job_id: str) -> Job:
        found = await self.runtime.jobs.get(job_id)
        assert found is not None
        return found

    async def jobs(self, job_ids: Iterable[str]) -> list[Job]:
        """Read jobs, a hundred at a time: this process is busy, and the product's limit on an answer is short."""
        wanted, found = list(job_ids), list[Job]()
        tries = 0
        while wanted:
            try:
                found += await self.runtime.jobs.get_many(wanted[:100])
                del wanted[:100]
            except RedisError:
                tries += 1
                if tries == 20:
                    raise
                await asyncio.sleep(0.5)
        return found

    async def all_ended(self, job_ids: Iterable[str]) -> bool:
        return all(job.is_terminal for job in await self.jobs(job_ids))

    def told(self, job_id: str) -> list[str]:
        """Return the types of the terminal webhooks that were taken about a job, each event once."""
        fresh = self.receiver.ledger[self._received :]
        self._received += len(fresh)
        for received in fresh:
            body = msgspec.json.decode(received.body)
            if body["type"] in TERMINAL_TYPES and received.is_taken:
                self._ends[body["data"]["id"]][received.headers["webhook-id"]] = body["type"]
        return list(self._ends[job_id].values())

    async def assert_world(self) -> None:
        """I1 to I5 and I7, on the records, the provider's ledger and the receiver's."""
        world = await invariants.snapshot(self.runtime.redis)
        for _ in range(20):  # what is on its way while the snapshot is taken is no violation
            if not check(world):
                break
            await asyncio.sleep(0.2)
            world = await invariants.snapshot(self.runtime.redis)
        remote = [
            RemoteFacts(id=job["id"], mark=job["metadata"][MARK], is_cancelled=job["status"] == "cancelled")
            for job in self.provider.jobs
            if MARK in (job.get("metadata") or {})
        ]
        found = [*check(world), *check_accepted(world, self.accepted), *check_remote(world, remote)]
        assert not found, f"{found}\n{self.log}"
        assert not self.provider.ledger.duplicates, f"{self.provider.ledger.duplicates}\n{self.log}"

    async def assert_told(self, timeout_s: float = 90) -> None:
        """I4 at the receiver: each job's end arrived, as one event."""
        await until_async(self._all_told, "every end was told", lambda: self.log, timeout_s)
        jobs = await self.jobs(self.accepted)
        assert len(jobs) == len(self.accepted)
        for job in jobs:
            assert self.told(job.id) == [f"fine_tuning.job.{job.status}"]

    async def _all_told(self) -> bool:
        return all(map(self.told, self.accepted))


@asynccontextmanager
async def make_world(
    folder: Path, nursery: Nursery, *, pace: Pace | None = None, receives_at: str = "/ok", **provider_settings: Any
) -> AsyncIterator[World]:
    """Open a world in `folder`, which must be short enough for a socket; everything in it ends with it.

    `receives_at` is the path at which its receiver gets all webhooks.
    """
    async with AsyncExitStack() as stack:
        server = RedisServer(folder)
        await asyncio.to_thread(server.start)
        stack.callback(server.kill)
        provider = await stack.enter_async_context(Provider(pace))
        receiver = await stack.enter_async_context(FaultyReceiver())
        settings = Settings(
            redis_url=server.url,
            data_dir=folder / "data",
            port=quiet_port(),
            webhook_allow=("127.0.0.0/8",),
            providers={"remote": remote_settings(provider.base_url, **provider_settings)},
        )
        runtime = await stack.enter_async_context(open_runtime(settings))
        await runtime.webhooks.create(endpoint(receiver.url(receives_at)), 0.0)
        world = World(folder, server, provider, receiver, settings, runtime, nursery)
        stack.callback(lambda: [tree.kill() for tree in world.trees])
        yield world


def quiet_port() -> int:
    """Return a free port that no other server of these tests draws: the system's own range begins at 32768."""
    while True:
        port = random.SystemRandom().randint(20_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def remote_settings(base_url: str, **changes: Any) -> ProviderSettings:
    """Return a provider's settings for tests: quick time limits, and a settle time longer than one of them."""
    quick = {"settle_s": 7.0, "request_timeout_s": 2.0, "poll_interval_s": 0.3, "requests_per_minute": 0}
    return ProviderSettings(base_url=base_url, **{**quick, **changes})
