"""A poll round over 10,000 open provider jobs, against one request a job by the bare SDK: `python -m bench.polling`.

Both ask the same OpenAI-shaped server, in a process of its own on loopback. The round is the product's: real step, real
SDK, real Redis with `appendfsync always`; its requests are those that the server counted.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import msgspec
import openai

from bench.processes import redis_server
from service.core.ids import JOB, make
from service.core.jobs import Hyperparameters, Input, Job, Method, Remote
from service.runtime import Runtime, open_runtime
from service.settings import ProviderSettings, Settings
from service.store import freshness, keys
from tests.providers.upstream import Answer, Call, Upstream
from workers.context import Context
from workers.look import Looker
from workers.providers.registry import Providers
from workers.steps import STEPS
from workers.steps.poll import ROUND_REQUESTS, round_pause_s

MARK = "tunewright_job"
GOAL_STALENESS_S = 90.0
SLOW_PAGE_S = 0.3
AT_ONCE = 8


def main() -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--single", type=int, default=500, help="jobs that the reference reads one by one")
    parser.add_argument("--upstream", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.upstream:
        asyncio.run(serve(given.jobs))
        return 0
    return asyncio.run(measure(given.jobs, given.rounds, given.single))


class Counting(Upstream):
    """The server; `GET /calls` tells how many requests came since the last such question."""

    def _route(self, call: Call) -> Answer:
        if call.path == "/calls":
            number = len(self.calls) - 1
            self.calls.clear()
            return Answer(body={"calls": number})
        return super()._route(call)

    def _get_job(self, call: Call, job_id: str) -> Answer:
        del call
        number = int(job_id.removeprefix("ftjob-up"))
        return Answer(body=self.jobs[len(self.jobs) - number])


async def serve(count: int) -> None:
    """Serve `count` running jobs until the parent ends; print the address, then the marks."""
    upstream = Counting()
    marks = [make(JOB) for _ in range(count)]
    for mark in marks:
        upstream.add_job(status="running", model="base-1", metadata={MARK: mark})
    print(await upstream.start())
    print(json.dumps(marks), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def measure(count: int, rounds: int, single: int) -> int:
    """Run the rounds and the reference; print what came of them."""
    with (
        tempfile.TemporaryDirectory(prefix="tw-bp-") as name,
        server(count) as (url, marks),
        redis_server(Path(name)) as at,
    ):
        remote = ProviderSettings(base_url=url, requests_per_minute=0)
        settings = Settings(redis_url=at, data_dir=Path(name) / "data", providers={"remote": remote})
        async with open_runtime(settings) as runtime, looker(runtime) as worker:
            await write(runtime, marks)
            await once(runtime, worker, url)
            found = [await once(runtime, worker, url) for _ in range(rounds)]
        reference_s = await one_by_one(url, single)
    seconds = min(seconds for _, seconds, _ in found)
    requests = max(requests for requests, _, _ in found)
    cpu_ms = min(cpu for _, _, cpu in found) / count * 1000
    staleness_s = p99_staleness(count, seconds + SLOW_PAGE_S * count / 100)
    print(f"{count} open jobs, one round: {requests} requests (goal: at most {ROUND_REQUESTS}), {seconds:.2f} s,")
    print(f"  {cpu_ms:.3f} ms of processor a job; {seconds / count * 1000:.3f} ms a job")
    print(f"reference, one request a job by the bare SDK, {AT_ONCE} at once: {reference_s * 1000:.2f} ms a job")
    print(f"  ratio {reference_s / (seconds / count):.1f}; requests {count / requests:.0f} to 1")
    print(
        f"staleness p99 at {SLOW_PAGE_S} s a page, 1,000 rounds at the product's pace: {staleness_s:.0f} s (goal: 90 s)"
    )
    return int(requests > ROUND_REQUESTS or staleness_s >= GOAL_STALENESS_S)


async def once(runtime: Runtime, worker: Looker, url: str) -> tuple[int, float, float]:
    """Return the requests, seconds and processor seconds of one round."""
    await asyncio.to_thread(calls, url)
    await runtime.due.ring("poll:remote")
    began, cpu = time.perf_counter(), time.process_time()
    await worker.look("poll:remote")
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    ages = await runtime.freshness.staleness("remote")
    assert ages is not None
    assert ages.oldest_s <= seconds + 1, "not every job was read"
    return await asyncio.to_thread(calls, url), seconds, used


def calls(url: str) -> int:
    """Return how many requests came since the last time."""
    with urllib.request.urlopen(f"{url}/calls") as answer:
        return json.load(answer)["calls"]


async def one_by_one(url: str, count: int) -> float:
    """Return the seconds a job of the bare SDK's retrieve."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient(trust_env=False) as http:
        client = openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http)

        async def one(number: int) -> None:
            async with gate:
                await client.fine_tuning.jobs.retrieve(f"ftjob-up{number}")

        await one(1)
        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(1, count + 1)))
        return (time.perf_counter() - began) / count


def p99_staleness(count: int, round_s: float) -> float:
    """Return what 99 in 100 of a job's greatest ages stay below: just before it is read again."""
    ages = [
        round_s + round_pause_s(count, 15.0, age_s=1e6, elapsed_s=round_s) + random.uniform(-0.05, 0.05) * round_s
        for _ in range(1_000)
    ]
    return sorted(ages)[989]


async def write(runtime: Runtime, marks: list[str]) -> None:
    """Write the records of jobs that run at the server."""
    part = Input(file_id="file-1", sha256="0" * 64, bytes=1, filename="t.jsonl")
    for start in range(0, len(marks), 1_000):
        async with runtime.redis.pipeline(transaction=True) as pipe:
            for number in range(start, min(start + 1_000, len(marks))):
                remote = Remote(job_id=f"ftjob-up{number + 1}", status="running", created_at=1.0, tries=1)
                job = Job(
                    id=marks[number],
                    created_at=int(time.time()),
                    status="running",
                    step="training",
                    model="base-1",
                    requested_model="base-1",
                    provider="remote",
                    method=Method(),
                    training=part,
                    seed=1,
                    hyperparameters=Hyperparameters(n_epochs=1),
                    remote=remote,
                )
                pipe.set(keys.job(job.id), msgspec.json.encode(job))
                pipe.sadd(keys.jobs_at("remote"), job.id)
                freshness.opened(pipe, "remote", job.id)
            await pipe.execute()


@asynccontextmanager
async def looker(runtime: Runtime) -> AsyncGenerator[Looker]:
    """Make a worker's looks."""
    providers = Providers(runtime.settings, runtime.redis)
    try:
        yield Looker(Context(runtime=runtime, providers=providers), STEPS)
    finally:
        await providers.aclose()


@contextmanager
def server(count: int) -> Generator[tuple[str, list[str]]]:
    """Start the server; yield its address and the marks of its jobs."""
    command = [sys.executable, "-m", "bench.polling", "--upstream", "--jobs", str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
