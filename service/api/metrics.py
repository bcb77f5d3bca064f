"""`/metrics` for Prometheus: this process's requests, and what all processes count in Redis."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from litestar import get
from redis.exceptions import RedisError

from service.api.context import HttpRequest, context_of
from service.api.gauges import gauges
from service.api.replies import Reply
from service.core.errors import Unavailable
from service.runtime import Runtime
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
    return iter([*exposition(await read(runtime.redis)), *_gauges(await gauges(runtime))])


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
