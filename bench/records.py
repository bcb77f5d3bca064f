"""List pages, a scrape and `fsck` over 100,000 stored jobs: `python -m bench.records`.

One job is posted through the API; its record is then stored again and again under new ids, with its indexes and
counters, as if each had been posted and had ended.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import redis
import uvloop

from bench.http_load import measure, once, request_bytes
from bench.processes import answers, cpu_s, redis_server, uvicorn
from service.core import ids
from service.core.jobs import Job
from service.store import keys

GOAL_MS = 100.0
JOBS = "/v1/fine_tuning/jobs"
LINE = b'{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]}\n'
ROUNDS = 3
_AT_ONCE = 1_000


class _Identified(msgspec.Struct):
    id: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of request: 99th percentile, requests a second, and the server's processor time for one."""

    name: str
    p99_ms: float
    per_second: float
    cpu_ms: float


def main() -> int:
    """Measure, print, and return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twb-")))
        url = stack.enter_context(redis_server(folder))
        environment = {"TUNEWRIGHT_REDIS_URL": url, "TUNEWRIGHT_DATA_DIR": str(folder / "data")}
        port, pid = stack.enter_context(uvicorn("service.app:create_app", environment))
        middle = uvloop.run(_fill(port, url, options.records))
        measured = [uvloop.run(_measured(port, pid, *kind, options.seconds)) for kind in _kinds(middle)]
        fsck_s, fsck_says = _fsck(environment)
    return _report(measured, options.records, fsck_s, fsck_says)


async def _fill(port: int, url: str, count: int) -> str:
    """Store `count` jobs in all; return the id of one in the middle of the list."""
    await answers(port, request_bytes("GET", "/health/live"))
    dataset = await once(port, request_bytes("POST", "/v1/datasets", LINE * 12, "application/jsonl"))
    posting = {"model": "tunewright-tiny", "training_file": msgspec.json.decode(dataset, type=_Identified).id}
    posted = await once(port, request_bytes("POST", JOBS, msgspec.json.encode(posting)))
    first = msgspec.json.decode(posted, type=_Identified).id
    with redis.Redis.from_url(url) as client:
        raw = client.get(keys.job(first))
        assert isinstance(raw, bytes)
        job = msgspec.structs.replace(
            msgspec.json.decode(raw, type=Job), status="succeeded", event_count=0, announced=0
        )
        fresh = [ids.make(ids.JOB) for _ in range(count - 1)]
        for start in range(0, len(fresh), _AT_ONCE):
            _store(client, job, fresh[start : start + _AT_ONCE])
        return fresh[len(fresh) // 2]


def _store(client: redis.Redis, like: Job, names: list[str]) -> None:
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.set(keys.job(name), msgspec.json.encode(msgspec.structs.replace(like, id=name)))
        order = {name: time.time() for name in names}
        pipe.zadd(keys.JOBS, order)
        pipe.zadd(keys.jobs_by_metadata("none"), order)
        pipe.hincrby(keys.JOBS_BY_STATUS, "succeeded", len(names))
        labels = f"provider={like.provider}|model_family={like.model}"
        pipe.hincrby(keys.COUNTERS, f"jobs_accepted_total|{labels}", len(names))
        pipe.hincrby(keys.COUNTERS, f"jobs_finished_total|{labels}|outcome=succeeded|reason=", len(names))
        pipe.execute()


def _kinds(middle: str) -> list[tuple[str, str, int]]:
    """Return name, path and connections of what is asked."""
    return [
        ("first page of 20", f"{JOBS}?limit=20", 4),
        ("first page of 100", f"{JOBS}?limit=100", 4),
        ("page of 20 in the middle", f"{JOBS}?limit=20&after={middle}", 4),
        ("page of 20 without metadata", f"{JOBS}?limit=20&metadata=null", 4),
        ("/metrics", "/metrics", 1),
    ]


async def _measured(port: int, pid: int, name: str, path: str, connections: int, seconds: float) -> Measured:
    request = [request_bytes("GET", path)]
    await measure(port, request, 0.3, connections)
    before = cpu_s(pid) or 0.0
    rounds = [await measure(port, request, seconds, connections) for _ in range(ROUNDS)]
    spent_s = (cpu_s(pid) or 0.0) - before
    return Measured(
        name=name,
        cpu_ms=spent_s * 1000 / sum(one.requests for one in rounds),
        p99_ms=statistics.median(one.p99_ms for one in rounds),
        per_second=statistics.median(one.per_second for one in rounds),
    )


def _fsck(environment: dict[str, str]) -> tuple[float, str]:
    """Return how long the whole check took, and its last line."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "service.cli.main", "fsck", "--rounds", "1"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    lines = (done.stdout or done.stderr).strip().splitlines()
    return time.perf_counter() - begun, lines[-1] if lines else f"exit status {done.returncode}"


def _report(measured: list[Measured], records: int, fsck_s: float, fsck_says: str) -> int:
    print(f"{records:,} stored jobs, appendfsync always, median of {ROUNDS} rounds")
    print(f"{'':30} {'p99 ms':>8} {'req/s':>8} {'CPU ms':>8}")
    for one in measured:
        print(f"{one.name:30} {one.p99_ms:8.1f} {one.per_second:8,.0f} {one.cpu_ms:8.2f}")
    print(f"fsck: {fsck_s:.1f} s. {fsck_says}")
    missed = [one.name for one in measured if one.p99_ms >= GOAL_MS]
    print(f"goal: p99 under {GOAL_MS:.0f} ms; {'missed: ' + ', '.join(missed) if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
