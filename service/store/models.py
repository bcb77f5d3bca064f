"""Tuned models in Redis."""

from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.models import TunedModel
from service.store import due, keys
from service.store.redis import Pipeline

CHECKPOINT = ":ckpt-step-"

_decoder = msgspec.json.Decoder(TunedModel)


def queue_model(pipe: Pipeline, model: TunedModel) -> None:
    """Queue on `pipe`: keep `model`."""
    pipe.set(keys.model(model.name), msgspec.json.encode(model))
    pipe.zadd(keys.MODELS, {model.name: model.created_at})


class ModelStore:
    """Reads and forgets tuned models; jobs write them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, name: str) -> TunedModel | None:
        """Return the tuned model `name`, None if there is none."""
        raw = cast("bytes | None", await self._redis.get(keys.model(name)))
        return _decoder.decode(raw) if raw else None

    async def list(self) -> list[TunedModel]:
        """Return all tuned models, newest first."""
        names = cast("list[bytes]", await self._redis.zrevrange(keys.MODELS, 0, -1))
        if not names:
            return []
        raw = cast("list[bytes | None]", await self._redis.mget([keys.model(name.decode()) for name in names]))
        return [_decoder.decode(record) for record in raw if record]

    async def delete(self, name: str) -> bool:
        """Forget the tuned model `name` and its older checkpoints; False if there was none.

        The weights at the provider go by the due member `model:PROVIDER:NAME`, rung in the same MULTI.
        """
        model = await self.get(name)
        if model is None:
            return False
        names = cast("list[bytes]", await self._redis.zrange(keys.MODELS, 0, -1))
        gone = [name, *(each for each in map(bytes.decode, names) if each.startswith(f"{name}{CHECKPOINT}"))]
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(*map(keys.model, gone))
            pipe.zrem(keys.MODELS, *gone)
            due.ring(pipe, f"model:{model.provider}:{model.remote_name}")
            await pipe.execute()
        return True
