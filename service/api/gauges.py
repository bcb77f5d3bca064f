"""What `/metrics` shows of the present: read at each scrape, with closed sets of labels and no id in any."""

from typing import cast

from service.core import clock
from service.core.deadlines import STUCK_AFTER_S
from service.runtime import Runtime
from service.store import keys
from service.store.counters import Sample
from service.store.heartbeats import ALIVE_S
from service.store.redis import DurabilityHidden, NotDurable, check_durability
from service.store.server import read_state

ROLES = ("ticker", "worker", "deliver", "inference")


async def gauges(runtime: Runtime) -> list[Sample]:
    """Return all gauges that are read from Redis, those of one name together. Raises RedisError."""
    by_status = await runtime.jobs.counts()
    return [
        Sample(name="exporter_up", labels=(), value=1),
        Sample(name="redis_up", labels=(), value=1),
        *await _server(runtime),
        *await _queues(runtime),
        *await _processes(runtime),
        *await _webhooks(runtime),
        *await _staleness(runtime),
        *await _paused(runtime),
        *await _stages(runtime),
        *(Sample(name="jobs", labels=(("state", status),), value=count) for status, count in sorted(by_status.items())),
    ]


async def _server(runtime: Runtime) -> list[Sample]:
    """Return how full Redis is, and whether what it acknowledges is kept; nothing where it hides its settings."""
    state = await read_state(runtime.redis)
    found = [Sample(name="redis_used_memory_ratio", labels=(), value=round(state.memory_ratio, 6))]
    try:
        await check_durability(runtime.redis)
        is_durable = state.last_write_ok and not state.is_replica
    except DurabilityHidden:
        return found
    except NotDurable:
        is_durable = False
    return [*found, Sample(name="redis_durability_ok", labels=(), value=int(is_durable))]


async def _queues(runtime: Runtime) -> list[Sample]:
    overdue, overdue_s = await runtime.due.overdue()
    depth, oldest_s = await runtime.due.queued()
    steps = (("queue", "steps"),)
    return [
        Sample(name="due_overdue", labels=(), value=overdue),
        Sample(name="due_oldest_overdue_seconds", labels=(), value=overdue_s),
        Sample(name="queue_depth", labels=steps, value=depth),
        Sample(name="queue_oldest_age_seconds", labels=steps, value=oldest_s),
    ]


async def _processes(runtime: Runtime) -> list[Sample]:
    """Return the live processes of each role, the oldest of their beats, and when a ticker last made its round."""
    ages = await runtime.heartbeats.ages(await runtime.due.now())
    living = {role: [age for age in ages.get(role, ()) if age <= ALIVE_S] for role in ROLES}
    found = [Sample(name="workers", labels=(("role", role),), value=len(living[role])) for role in ROLES]
    for role in ROLES:
        if living[role]:
            age_s = max(living[role])
            found.append(Sample(name="worker_heartbeat_age_seconds_max", labels=(("role", role),), value=age_s))
    at = cast("bytes | None", await runtime.redis.hget(keys.HEARTBEATS, "ticker"))
    if at is not None:
        age_s = max(0.0, clock.now() - float(at))
        found.append(Sample(name="maintainer_heartbeat_age_seconds", labels=(), value=age_s))
    return found


async def _webhooks(runtime: Runtime) -> list[Sample]:
    backlog = await runtime.webhooks.deliveries.backlog()
    return [
        Sample(name="webhook_pending", labels=(), value=backlog.pending),
        Sample(name="webhook_oldest_pending_seconds", labels=(), value=backlog.oldest_age_s),
        Sample(name="webhook_dead_letters", labels=(), value=backlog.dead),
    ]


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


async def _stages(runtime: Runtime) -> list[Sample]:
    """Return how many jobs are in each stage, for how long the slowest has not moved, and how many count as stuck."""
    loads = await runtime.stages.loads(STUCK_AFTER_S)
    stages = [(("stage", load.stage),) for load in loads]
    return [
        *(Sample(name="stage_jobs", labels=at, value=load.depth) for at, load in zip(stages, loads, strict=True)),
        *(
            Sample(name="stage_still_seconds", labels=at, value=load.oldest_s)
            for at, load in zip(stages, loads, strict=True)
        ),
        *(Sample(name="jobs_stuck", labels=at, value=load.stuck) for at, load in zip(stages, loads, strict=True)),
    ]
