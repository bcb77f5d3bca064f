"""A1 to A4 and A6 of reliability §3: an accepted job is there once, whatever the network, Redis or the API does."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from service.store.invariants import violations
from tests.faults.points import API_POINTS
from tests.faults.served import JOBS, Api, client_of
from tests.faults.tcp_proxy import TcpProxy
from tests.faults.trees import Crash, Nursery
from tests.faults.world import World, make_world
from tests.waiting import until_async


@dataclass
class Proxied:
    """A served API whose way to Redis leads through a faulty proxy; tests look at Redis directly."""

    api: Api
    proxy: TcpProxy
    training_file: str

    @property
    def world(self) -> World:
        return self.api.world

    @property
    def http(self) -> httpx2.AsyncClient:
        return self.api.http

    async def post(self, key: str | None = None, **more: Any) -> httpx2.Response:
        return await self.api.post(self.training_file, key, **more)

    async def post_until_accepted(self, key: str, timeout_s: float = 30) -> str:
        return await self.api.post_until_accepted(self.training_file, key, timeout_s)

    async def ids(self) -> set[str]:
        return await self.api.ids()


@asynccontextmanager
async def serve(folder: Path, trees: Nursery, crash: Crash | None = None) -> AsyncIterator[Proxied]:
    async with (
        make_world(folder, trees) as world,
        TcpProxy(folder / "redis.sock", folder / "p.sock") as proxy,
        client_of(world) as http,
    ):
        world.settings = msgspec.structs.replace(world.settings, redis_url=f"unix://{folder}/p.sock")
        world.grow("api", crash=crash)
        api = Api(world, http)
        await api.wait_until_up()
        yield Proxied(api, proxy, (await world.dataset()).id)


@pytest.fixture
async def api(short_folder: Path, trees: Nursery) -> AsyncIterator[Proxied]:
    async with serve(short_folder, trees) as served:
        yield served


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
async def test_a1_a_lost_reply_is_one_job(api: Proxied, lost: int) -> None:
    rule = api.proxy.on(b"EXEC", "lose_reply", times=lost)
    job_id = await api.post_until_accepted("same")
    assert rule.done == lost or rule.done >= 1
    api.proxy.heal()
    again = await api.post("same")
    assert (again.json()["id"], again.headers["idempotent-replayed"]) == (job_id, "true")
    assert await api.ids() == {job_id}
    assert await violations(api.world.runtime.redis) == []


async def test_a1_a_lost_reply_without_a_key_is_one_job(api: Proxied) -> None:
    api.proxy.on(b"EXEC", "lose_reply")
    answer = await api.post()
    assert await api.ids() == {answer.json()["id"]}
    assert await violations(api.world.runtime.redis) == []


async def test_a2_the_same_key_with_another_body_is_refused(api: Proxied) -> None:
    first = await api.post("same", seed=1)
    before = await api.world.runtime.redis.get(f"tw:job:{first.json()['id']}")
    assert (await api.post("same", seed=2)).status_code == 422
    assert (await api.post("same", seed=1)).json() == first.json()
    assert await api.world.runtime.redis.get(f"tw:job:{first.json()['id']}") == before
    assert len(await api.ids()) == 1


async def test_a3_many_equal_requests_at_once_are_one_job(api: Proxied) -> None:
    rounds, at_once = 10, 50
    api.proxy.on(b"\r\n", "lose_reply", times=1_000_000, share=0.1)
    for number in range(rounds):
        answers = await asyncio.gather(*(api.post_until_accepted(f"key-{number}", 60) for _ in range(at_once)))
        assert len(set(answers)) == 1
    assert api.proxy.acted["lose_reply"] > rounds
    api.proxy.heal()
    assert len(await api.ids()) == rounds
    assert await violations(api.world.runtime.redis) == []


async def test_a4_an_api_that_dies_accepts_all_or_nothing(trees: Nursery) -> None:
    async def one(point: str, mode: str) -> None:
        with tempfile.TemporaryDirectory(prefix="tw-a4-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            async with serve(folder, trees, Crash(point, mode, folder / "struck")) as api:
                asking = asyncio.create_task(api.post_until_accepted("same"))
                if mode == "group":
                    await until_async(api.world.flag.exists, f"{point} was reached")
                    await until_async(lambda: not api.world.trees[0].is_led, "the leader is gone")
                    api.world.grow("api")
                job_id = await asking
                assert api.world.flag.exists(), point
                assert await api.ids() == {job_id}, (point, mode)
                assert await violations(api.world.runtime.redis) == [], (point, mode)

    await asyncio.gather(
        *(one(point, mode) for point in (point.name for point in API_POINTS) for mode in ("self", "group"))
    )


@asynccontextmanager
async def down(api: Proxied) -> AsyncIterator[None]:
    api.world.server.kill()
    yield
    await asyncio.to_thread(api.world.server.start)


@asynccontextmanager
async def read_only(api: Proxied) -> AsyncIterator[None]:
    await api.world.runtime.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    await api.world.runtime.redis.execute_command("REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def full(api: Proxied) -> AsyncIterator[None]:
    await api.world.runtime.redis.config_set("maxmemory", 1)
    yield
    await api.world.runtime.redis.config_set("maxmemory", 0)


@asynccontextmanager
async def frozen(api: Proxied) -> AsyncIterator[None]:
    api.proxy.freeze()
    yield
    api.proxy.heal()


@asynccontextmanager
async def loading(api: Proxied) -> AsyncIterator[None]:
    for number in range(400):
        await api.world.runtime.redis.set(f"tw:x:{number}", "x", ex=60)
    api.world.server.kill()
    with (api.world.folder / "data" / "redis.conf").open("a") as file:
        file.write("key-load-delay 20000\n")
    starting = asyncio.create_task(asyncio.to_thread(api.world.server.start))
    await asyncio.sleep(1.0)
    assert not starting.done()
    yield
    await starting


ANSWERED_WITHIN_S = 6.0
"""Two seconds are promised: 1.62 s was the longest on an idle machine, 2.24 s on a busy one; a hang is longer."""


@pytest.mark.parametrize("fault", [down, read_only, full, frozen, loading], ids=lambda fault: fault.__name__)
async def test_a6_without_a_sound_redis_nothing_is_accepted_and_nothing_hangs(api: Proxied, fault: Any) -> None:
    slowest = 0.0

    async def refused(number: int) -> None:
        nonlocal slowest
        began = time.monotonic()
        answer = await api.post(f"key-{number}" if number % 2 else None)
        slowest = max(slowest, time.monotonic() - began)
        assert answer.status_code == 503, answer.text
        assert float(answer.headers["retry-after"]) > 0

    async with fault(api):
        await asyncio.gather(*(refused(number) for number in range(20)))
        assert slowest < ANSWERED_WITHIN_S
    await api.post_until_accepted("after", 60)
    assert len(await api.ids()) == 1
    assert await violations(api.world.runtime.redis) == []


async def test_verbs_through_a_lossy_network_never_break(api: Proxied) -> None:
    ids = [(await api.post(f"key-{number}")).json()["id"] for number in range(30)]
    api.proxy.on(b"\r\n", "lose_reply", times=1_000_000, share=0.15)

    async def steer(job_id: str, verb: str) -> int:
        return (await api.http.post(f"{JOBS}/{job_id}/{verb}")).status_code

    for verb in ("pause", "resume", "cancel"):
        assert {200, 503} >= set(await asyncio.gather(*(steer(job_id, verb) for job_id in ids))) - {400, 409}
    api.proxy.heal()
    assert await violations(api.world.runtime.redis) == []
