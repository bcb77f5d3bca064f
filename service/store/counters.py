"""Domain metrics kept in one Redis hash, written in the MULTI of the change that they count.

A field is `name|label=value|…`; histograms are bucket fields `name_bucket|…|le=…`, `name_sum|…`, `name_count|…`.
Names and buckets: reference/reliability §5.1.
"""

from typing import cast

import msgspec
from redis.asyncio import Redis

from service.store import keys
from service.store.redis import Pipeline

STEP_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
JOB_BUCKETS = (60, 300, 600, 1800, 3600, 7200, 14400, 28800, 57600, 86400, 172800)
WAIT_BUCKETS = (0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800)
ATTEMPT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
DELAY_BUCKETS = (1, 5, 15, 60, 300, 1800, 7200, 28800, 86400, 270000)
UPSTREAM_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One stored number: full metric name (without prefix), labels in order, value."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


def count(pipe: Pipeline, name: str, amount: int = 1, /, **labels: str) -> None:
    """Queue on `pipe`: add `amount` to counter `name` (without `tunewright_` and `_total`)."""
    pipe.hincrby(keys.COUNTERS, _field(name + "_total", labels), amount)


def observe(pipe: Pipeline, name: str, value: float, buckets: tuple[float, ...], /, **labels: str) -> None:
    """Queue on `pipe`: put `value` into histogram `name`; a bucket field holds only its own slice, summed at export."""
    bucket = next((str(float(bound)) for bound in buckets if value <= bound), "+Inf")
    pipe.hincrby(keys.COUNTERS, _field(name + "_bucket", {**labels, "le": bucket}), 1)
    pipe.hincrbyfloat(keys.COUNTERS, _field(name + "_sum", labels), value)


def _field(name: str, labels: dict[str, str]) -> str:
    return "|".join([name, *(f"{label}={_clean(value)}" for label, value in labels.items())])


def _clean(value: str) -> str:
    return value.replace("|", "_").replace("\n", "_")[:100]


async def read(redis: Redis) -> list[Sample]:
    """Return all stored numbers."""
    raw = cast("dict[bytes, bytes]", await redis.hgetall(keys.COUNTERS))
    return [_sample(field.decode(), float(value)) for field, value in sorted(raw.items())]


def _sample(field: str, value: float) -> Sample:
    name, *labels = field.split("|")
    pairs = tuple((label.partition("=")[0], label.partition("=")[2]) for label in labels)
    return Sample(name=name, labels=pairs, value=value)
