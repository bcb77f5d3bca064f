"""How long the latest runs took, by provider, model and method: what an estimate of time stands on."""

import hashlib
from collections.abc import Iterable
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.catalogue import Method, base_of
from service.core.durations import KEPT_RUNS, PastRun
from service.core.jobs import Job
from service.store import keys
from service.store.redis import Pipeline

Place = tuple[str, str]
"""Provider and model; a tuned model counts as its base."""

_decoder = msgspec.json.Decoder(PastRun)


class DurationStore:
    """Reads what `note` has kept."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self, places: Iterable[Place], method: Method) -> dict[Place, list[PastRun]]:
        """Return the runs at each place, the latest first, in one request."""
        wanted = list(dict.fromkeys(places))
        async with self._redis.pipeline(transaction=False) as pipe:
            for provider, model in wanted:
                pipe.lrange(_key(provider, model, method), 0, -1)
            found = cast("list[list[bytes]]", await pipe.execute()) if wanted else []
        return {place: [_decoder.decode(raw) for raw in runs] for place, runs in zip(wanted, found, strict=True)}


def note(pipe: Pipeline, job: Job, run: PastRun) -> None:
    """Queue on `pipe`: keep how long the job's run took, and forget the oldest."""
    key = _key(job.provider, job.model, job.method.type)
    pipe.lpush(key, msgspec.json.encode(run))
    pipe.ltrim(key, 0, KEPT_RUNS - 1)


def _key(provider: str, model: str, method: str) -> str:
    text = "\0".join((provider, base_of(model) or model, method))
    return keys.durations(hashlib.sha256(text.encode()).hexdigest()[:32])
