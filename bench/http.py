"""POST and GET of a job, against a bare Litestar handler that makes the same Redis calls: `python -m bench.http`.

Both run under the same uvicorn command on one private Redis with `appendfsync always`, in alternating rounds. The
reference's Redis calls are recorded from the real application at the start, so that the two never drift apart.
"""

import argparse
import secrets
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec
import redis
import uvloop

from bench.http_load import CONNECTIONS, Round, measure, once, request_bytes
from bench.http_recording import Call, Monitor, Recording
from bench.processes import answers, cpu_s, redis_server, uvicorn

GOAL = 0.5
WARM_UP_S = 0.5
GET_IDS = 64
JOBS = "/v1/fine_tuning/jobs"
TRAINING = Path(__file__).parents[1] / "examples" / "bank_intents" / "train.jsonl"


class _Identified(msgspec.Struct):
    id: str


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server under measurement, and the requests to send it."""

    name: str
    port: int
    pid: int
    posts: list[bytes]
    gets: list[bytes]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One round of one server; `cpu_us` is the server's processor time for a request, None off Linux."""

    server: str
    verb: str
    round: Round
    cpu_us: float | None


def main() -> int:
    """Measure, print, and return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--app", default="service.app:create_app", help="the application factory to measure")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twb-")))
        samples = uvloop.run(_measure(stack, folder, options))
    return _report(samples)


async def _measure(stack: ExitStack, folder: Path, options: argparse.Namespace) -> list[Sample]:
    url = stack.enter_context(redis_server(folder))
    environment = {"TUNEWRIGHT_REDIS_URL": url, "TUNEWRIGHT_DATA_DIR": str(folder / "data")}
    app_port, app_pid = stack.enter_context(uvicorn(options.app, environment))
    await answers(app_port, request_bytes("GET", "/health/live"))
    app, recording = await _record(app_port, app_pid, folder / "redis.sock", url)
    (folder / "recording").write_bytes(msgspec.msgpack.encode(recording))
    environment = {"BENCH_REDIS_URL": url, "BENCH_RECORDING": str(folder / "recording")}
    bare_port, bare_pid = stack.enter_context(uvicorn("bench.http_bare:create_bare", environment))
    await answers(bare_port, app.gets[0])
    bare = Server(name="bare", port=bare_port, pid=bare_pid, posts=app.posts, gets=app.gets)
    _describe(recording)
    return await _rounds([app, bare], options.rounds, options.seconds, options.connections)


async def _record(port: int, pid: int, socket_path: Path, url: str) -> tuple[Server, Recording]:
    """Upload a file, post jobs to warm up and to have ids, then watch one POST and one GET."""
    body = TRAINING.read_bytes()
    uploaded = await once(port, _upload(body))
    posting = msgspec.json.encode(
        {"model": "tunewright-tiny", "training_file": msgspec.json.decode(uploaded, type=_Identified).id}
    )
    post = request_bytes("POST", JOBS, posting)
    ids = [msgspec.json.decode(await once(port, post), type=_Identified).id for _ in range(GET_IDS)]
    gets = [request_bytes("GET", f"{JOBS}/{job_id}") for job_id in ids]
    await once(port, gets[0])
    post_calls, post_answer = await _watched(port, post, socket_path, url)
    job_id = msgspec.json.decode(post_answer, type=_Identified).id
    get_calls, get_answer = await _watched(port, request_bytes("GET", f"{JOBS}/{job_id}"), socket_path, url)
    recording = Recording(job_id=job_id, post=post_calls, post_answer=post_answer, get=get_calls, get_answer=get_answer)
    return Server(name="ours", port=port, pid=pid, posts=[post], gets=gets), recording


async def _watched(port: int, request: bytes, socket_path: Path, url: str) -> tuple[tuple[Call, ...], bytes]:
    marker = secrets.token_hex(8).encode()
    monitor = Monitor(socket_path)
    try:
        answer = await once(port, request)
        with redis.Redis.from_url(url) as client:
            client.echo(marker)
        return monitor.calls_until(marker), answer
    finally:
        monitor.close()


def _upload(body: bytes) -> bytes:
    boundary = secrets.token_hex(16)
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="train.jsonl"\r\n\r\n'
    ).encode()
    whole = parts + body + f"\r\n--{boundary}--\r\n".encode()
    return request_bytes("POST", "/v1/files", whole, f"multipart/form-data; boundary={boundary}")


async def _rounds(servers: list[Server], rounds: int, seconds: float, connections: int) -> list[Sample]:
    for server in servers:
        await measure(server.port, server.posts, WARM_UP_S, connections)
        await measure(server.port, server.gets, WARM_UP_S, connections)
    samples: list[Sample] = []
    for number in range(rounds):
        for verb in ("POST", "GET"):
            for server in servers if number % 2 else reversed(servers):
                before = cpu_s(server.pid)
                requests = server.posts if verb == "POST" else server.gets
                result = await measure(server.port, requests, seconds, connections)
                spent = None if before is None else ((cpu_s(server.pid) or 0) - before) * 1e6 / result.requests
                samples.append(Sample(server=server.name, verb=verb, round=result, cpu_us=spent))
    return samples


def _describe(recording: Recording) -> None:
    for verb, calls in (("POST", recording.post), ("GET", recording.get)):
        shapes = [f"{len(call.commands)}{' in MULTI' if call.transaction else ''}" for call in calls]
        print(f"{verb}: {len(calls)} round trips to Redis, commands: {', '.join(shapes)}")


def _report(samples: list[Sample]) -> int:
    """Print medians and ratios; ours against the reference."""
    missed = 0
    print(
        f"{'':5} {'ours':>9} {'bare req/s':>11} {'ratio':>6}  {'p99 ms':>13} {'ratio':>6}  {'CPU us':>11} {'ratio':>6}"
    )
    for verb in ("POST", "GET"):
        ours, bare = ([s for s in samples if s.verb == verb and s.server == name] for name in ("ours", "bare"))
        rate, rate0 = (statistics.median(s.round.per_second for s in some) for some in (ours, bare))
        p99, p990 = (statistics.median(s.round.p99_ms for s in some) for some in (ours, bare))
        cpu, cpu0 = (statistics.median(s.cpu_us or 0.0 for s in some) for some in (ours, bare))
        missed += rate / rate0 < GOAL
        print(
            f"{verb:5} {rate:9,.0f} {rate0:11,.0f} {rate / rate0:6.2f}  {p99:6.1f} {p990:6.1f} {p99 / p990:6.2f}  "
            f"{cpu:5.0f} {cpu0:5.0f} {(cpu0 / cpu if cpu else 0):6.2f}"
        )
    print(f"goal: req/s ratio at least {GOAL}; {'missed' if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
