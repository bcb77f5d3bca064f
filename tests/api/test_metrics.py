"""What operators watch: every gauge of the present, by names and labels that are closed sets."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.api.gauges import ROLES
from service.runtime import Runtime, open_runtime
from service.settings import load
from service.store import keys
from service.store.heartbeats import ALIVE_S
from tests.api.conftest import Api
from tests.conftest import RedisServer
from tests.waiting import until_async
from workers.heartbeat import beating
from workers.look import Looker
from workers.tasks import QUEUE

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(api: Api) -> Samples:
    text = api.http.get("/metrics").text
    return {
        (sample.name.removeprefix("tunewright_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def plain(samples: Samples, name: str) -> float:
    return samples[name, ()]


def test_redis_and_processes(api: Api, redis_server: RedisServer) -> None:
    async def beat(runtime: Runtime) -> None:
        await runtime.heartbeats.beat("worker", "a")
        await runtime.heartbeats.beat("worker", "b")
        await runtime.heartbeats.beat("deliver", "c")
        now = await runtime.due.now()
        await runtime.redis.zadd(keys.ALIVE, {"worker:b": now - 10, "worker:dead": now - ALIVE_S - 5, "worker-x:": now})

    api.do(beat)
    found = scraped(api)
    assert (plain(found, "redis_up"), plain(found, "redis_durability_ok")) == (1, 1)
    assert 0 < plain(found, "redis_used_memory_ratio") < 1
    workers = {role: found["workers", (("role", role),)] for role in ROLES}
    assert workers == {"ticker": 0, "worker": 2, "deliver": 1, "inference": 0}
    assert 9 < found["worker_heartbeat_age_seconds_max", (("role", "worker"),)] < 60
    with redis_server.client() as client:
        client.config_set("appendfsync", "everysec")
        try:
            assert plain(scraped(api), "redis_durability_ok") == 0
        finally:
            client.config_set("appendfsync", "always")


def test_the_queue_and_the_wait_of_a_step(api: Api) -> None:
    steps = (("queue", "steps"),)

    async def look(_context: Any, _claim: Any, _id: str) -> None:
        return None

    async def work(runtime: Runtime) -> None:
        await runtime.due.ring("probe:1")
        await runtime.redis.zadd(keys.DUE, {"probe:1": await runtime.due.now() - 7})
        await runtime.due.take(10, 15.0)
        await runtime.redis.rpush(keys.MESSAGES, "a message")

    api.do(work)
    found = scraped(api)
    assert found["queue_depth", steps] == 1
    assert 7 <= found["queue_oldest_age_seconds", steps] < 12

    async def worked(runtime: Runtime) -> None:
        class Context:
            pass

        context: Any = Context()
        context.runtime = runtime
        await Looker(context, {"probe": look}).look("probe:1")
        assert await runtime.redis.hlen(keys.WAITING) == 0

    api.do(worked)
    found = scraped(api)
    probe = ("step", "probe")
    assert found["step_wait_seconds_count", (probe,)] == 1
    assert 7 <= found["step_wait_seconds_sum", (probe,)] < 12
    assert found["step_wait_seconds_bucket", (("le", "15.0"), probe)] == 1
    assert found["queue_oldest_age_seconds", steps] == 0


def test_the_queue_is_the_one_that_workers_listen_to() -> None:
    assert f"rq:queue:{QUEUE}" == keys.MESSAGES


async def test_a_process_beats_and_leaves(redis_url: str, tmp_path: Any) -> None:
    async with open_runtime(load(environ={}, redis_url=redis_url, data_dir=tmp_path)) as runtime:
        async with beating(runtime, "ticker"):

            async def has_beaten() -> bool:
                return bool(await runtime.heartbeats.ages(await runtime.due.now()))

            await until_async(has_beaten, "it has beaten", timeout_s=5)
            assert 0 < await runtime.redis.ttl(keys.ALIVE) <= 120
        assert await runtime.heartbeats.ages(await runtime.due.now()) == {}


@pytest.mark.parametrize("noise", ["ids", "routes"])
def test_strangers_make_no_series(api: Api, noise: str) -> None:
    before = len(scraped(api))
    for number in range(60):
        if noise == "ids":
            api.http.get(f"/v1/fine_tuning/jobs/ftjob-{number}")
            api.http.post(f"/v1/provider_webhooks/name-{number}", content=b"{}")
        else:
            api.http.request(f"VERB{number}", f"/nowhere/{number}")
    added = len(scraped(api)) - before
    assert added < 80, "one histogram for each of a few routes"
