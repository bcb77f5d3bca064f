"""The reference: Litestar handlers that make the recorded Redis calls and answer with recorded bytes, and no more."""

import os
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, get, post
from litestar.response import Response
from redis.asyncio import Redis

from bench.http_recording import Call, Recording
from service.core.ids import JOB, make
from service.store.redis import connect


def create_bare() -> Litestar:
    """Return the reference application; `BENCH_RECORDING` and `BENCH_REDIS_URL` say what to replay, and where."""
    recording = msgspec.msgpack.decode(Path(os.environ["BENCH_RECORDING"]).read_bytes(), type=Recording)
    redis = connect(os.environ["BENCH_REDIS_URL"])
    recorded_id = recording.job_id.encode()

    @post("/v1/fine_tuning/jobs", status_code=200)
    async def create_job(data: dict[str, Any]) -> Response[bytes]:
        assert data["training_file"]
        fresh = make(JOB).encode()
        for call in recording.post:
            await _replay(redis, call, recorded_id, fresh)
        return Response(recording.post_answer.replace(recorded_id, fresh), media_type="application/json")

    @get("/v1/fine_tuning/jobs/{job_id:str}")
    async def read_job(job_id: str) -> Response[bytes]:
        for call in recording.get:
            await _replay(redis, call, recorded_id, job_id.encode())
        return Response(recording.get_answer, media_type="application/json")

    return Litestar([create_job, read_job], openapi_config=None)


async def _replay(redis: Redis, call: Call, old: bytes, new: bytes) -> None:
    commands = [[argument.replace(old, new) for argument in command] for command in call.commands]
    if len(commands) == 1 and not call.transaction:
        await redis.execute_command(*commands[0])
        return
    async with redis.pipeline(transaction=call.transaction) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        await pipe.execute()
