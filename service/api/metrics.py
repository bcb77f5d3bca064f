"""`/metrics` for Prometheus: this process's requests, and what all processes count in Redis."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

from litestar import get
from redis.exceptions import RedisError

from service.api.context import HttpRequest, context_of
from service.api.replies import Reply
from service.core import clock
from service.core.errors import Unavailable
from service.runtime import Runtime
from service.store import keys
from service.store.counters import Sample, read

_PREFIX = "tunewright_"
_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
_READ_S = 0.9
_Labels = tuple[tuple[str, str], ...]


@get("/metrics")
async def get_metrics_text(request: HttpRequest) -> Reply:
    """Show all metrics; without Redis those of this process, and `tunewright_exporter_up 0`."""
    context = context_of(request)
    try:
        async with asyncio.timeout(_READ_S):
            stored = list(await _stored(context.runtime))
    except (RedisError, Unavailable, TimeoutError):
        stored = ["# TYPE tunewright_exporter_up gauge", "tunewright_exporter_up 0"]
    version = f'tunewright_build_info{{version="{_escaped(context.version)}"}} 1'
    lines = [*context.http_metrics.lines(), *stored, "# TYPE tunewright_build_info gauge", version, ""]
    return Reply("\n".join(lines).encode(), headers=(_TYPE,))


async def _stored(runtime: Runtime) -> Iterator[str]:
    samples = await read(runtime.redis)
    overdue, age_s = await runtime.due.overdue()
    by_status = await runtime.jobs.counts()
    backlog = await runtime.webhooks.deliveries.backlog()
    gauges = [
        Sample(name="exporter_up", labels=(), value=1),
        Sample(name="redis_up", labels=(), value=1),
        Sample(name="due_overdue", labels=(), value=overdue),
        Sample(name="due_oldest_overdue_seconds", labels=(), value=age_s),
        Sample(name="webhook_pending", labels=(), value=backlog.pending),
        Sample(name="webhook_oldest_pending_seconds", labels=(), value=backlog.oldest_age_s),
        Sample(name="webhook_dead_letters", labels=(), value=backlog.dead),
        *await _heartbeat(runtime),
        *await _staleness(runtime),
        *await _paused(runtime),
        *(Sample(name="jobs", labels=(("state", status),), value=count) for status, count in sorted(by_status.items())),
    ]
    return iter([*exposition(samples), *_gauges(gauges)])


async def _heartbeat(runtime: Runtime) -> list[Sample]:
    """Return how long ago a ticker last made its round; nothing before the first one."""
    at = cast("bytes | None", await runtime.redis.hget(keys.HEARTBEATS, "ticker"))
    if at is None:
        return []
    return [Sample(name="maintainer_heartbeat_age_seconds", labels=(), value=max(0.0, clock.now() - float(at)))]


async def _staleness(runtime: Runtime) -> list[Sample]:
    """Return how long ago the open jobs of each provider were read there: the oldest, and the median."""
    found: list[Sample] = []
    for provider in runtime.settings.providers:
        ages = await runtime.freshness.staleness(provider)
        for which, seconds in (("max", ages.oldest_s), ("p50", ages.median_s)) if ages else ():
            labels = (("provider", provider), ("statistic", which))
            found.append(Sample(name="poll_staleness_seconds", labels=labels, value=seconds))
    return found


async def _paused(runtime: Runtime) -> list[Sample]:
    """Return 1 for each reason for which calls to a provider stand still, with the seconds until the next is tried."""
    found: list[Sample] = []
    for provider in runtime.settings.providers:
        pauses = await runtime.credentials.paused(provider)
        for reason in sorted({pause.reason for pause in pauses}):
            labels = (("provider", provider), ("reason", reason))
            wait_s = max(pause.wait_s for pause in pauses if pause.reason == reason)
            found.append(Sample(name="credential_paused", labels=labels, value=1))
            found.append(Sample(name="upstream_retry_after_seconds", labels=labels, value=wait_s))
    return sorted(found, key=lambda sample: sample.name)


def exposition(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield stored counters and histograms in Prometheus's text form; stored buckets hold only their own slice."""
    ordered = sorted(samples, key=lambda sample: (_family(sample), sample.labels))
    for family, group in groupby(ordered, key=_family):
        members = list(group)
        if any(sample.name.endswith("_bucket") for sample in members):
            yield f"# TYPE {_PREFIX}{family} histogram"
            yield from _histogram(family, members)
        else:
            yield f"# TYPE {_PREFIX}{family} counter"
            yield from (_line(sample.name, sample.labels, sample.value) for sample in members)


def _family(sample: Sample) -> str:
    for ending in ("_bucket", "_sum"):
        if sample.name.endswith(ending):
            return sample.name.removesuffix(ending)
    return sample.name


def _histogram(family: str, members: Sequence[Sample]) -> Iterator[str]:
    slices: dict[_Labels, dict[float, float]] = defaultdict(dict)
    sums: dict[_Labels, float] = defaultdict(float)
    for sample in members:
        if sample.name.endswith("_sum"):
            sums[sample.labels] = sample.value
            continue
        rest = tuple(label for label in sample.labels if label[0] != "le")
        slices[rest][float(dict(sample.labels)["le"])] = sample.value
    for labels, by_bound in sorted(slices.items()):
        total = 0.0
        for bound in sorted({*by_bound, float("inf")}):
            total += by_bound.get(bound, 0)
            text = "+Inf" if bound == float("inf") else str(bound)
            yield _line(family + "_bucket", (*labels, ("le", text)), total)
        yield _line(family + "_sum", labels, sums[labels])
        yield _line(family + "_count", labels, total)


def _gauges(samples: Sequence[Sample]) -> Iterator[str]:
    for name, group in groupby(samples, key=lambda sample: sample.name):
        yield f"# TYPE {_PREFIX}{name} gauge"
        yield from (_line(sample.name, sample.labels, sample.value) for sample in group)


def _line(name: str, labels: _Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    shown = str(int(value)) if value == int(value) else repr(value)
    return f"{_PREFIX}{name}{{{inner}}} {shown}" if inner else f"{_PREFIX}{name} {shown}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
