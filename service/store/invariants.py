"""Takes the snapshot that `service.core.invariants` judges. Reads only, by SCAN and in batches: safe on live data."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping

from redis.asyncio import Redis

from service.core import invariants
from service.core.files import TRAINING, FileRecord
from service.core.invariants import NONE_COUNTED, Counted, JobFacts, MessageFacts, Violation, World
from service.core.jobs import TERMINAL, Job
from service.core.webhooks import WebhookDelivery, WebhookMessage
from service.store import keys, webhook_keys
from service.store.reading import Reading, named, parts

_FINISHED = "finished "


async def violations(redis: Redis) -> list[Violation]:
    """Return what is wrong in one snapshot. On live data a change under way may show: use `lasting_violations`."""
    return invariants.check(await snapshot(redis))


async def lasting_violations(redis: Redis, *, rounds: int = 3, pause_s: float = 1.0) -> list[Violation]:
    """Return what is wrong in each of several snapshots: a snapshot of live data is not taken at one instant."""
    return await lasting(redis, await violations(redis), rounds=rounds, pause_s=pause_s)


async def lasting(redis: Redis, found: list[Violation], *, rounds: int, pause_s: float) -> list[Violation]:
    """Return what of `found`, in a first snapshot, is still wrong in each of `rounds - 1` more."""
    for _ in range(rounds - 1):
        if not found:
            break
        await asyncio.sleep(pause_s)
        again = {(one.invariant, one.subject) for one in await violations(redis)}
        found = [one for one in found if (one.invariant, one.subject) in again]
    return found


async def snapshot(redis: Redis) -> World:
    """Read the records and indexes that the invariants are about; what can't be read is noted in `unreadable`.

    Counters are read before and after the records, records before the indexes, so that what moves meanwhile shows as
    little as can be.
    """
    reading = Reading(redis)
    before = await _counters(reading)
    all_keys, endless = await reading.keys()
    jobs, event_counts = await _jobs(reading, named(all_keys, keys.job("ftjob-")))
    after = await _counters(reading)
    return World(
        jobs=jobs,
        listed=frozenset(await reading.members(keys.JOBS)),
        unchecked_datasets=await _unchecked(reading, all_keys),
        due=frozenset(await reading.members(keys.DUE)),
        rung=frozenset([*await reading.fields(keys.RINGS), *await reading.fields(keys.WAITING)]),
        open_at=await _open_at(reading, all_keys),
        statuses=_span(before, after, "status ", moves=after.get("moves", 0) - before.get("moves", 0)),
        accepted=_span(before, after, "accepted").get("", NONE_COUNTED),
        finished=_span(before, after, _FINISHED),
        event_counts=event_counts,
        messages=await _messages(reading, all_keys),
        webhooks_due=frozenset(await reading.members(webhook_keys.DUE)),
        pending=await _pending(reading),
        waiting=frozenset(await _waiting(reading, all_keys)),
        keys_without_end=endless,
        unreadable=reading.unreadable,
    )


async def _counters(reading: Reading) -> dict[str, int]:
    """Return `status S`, `accepted`, `finished S` and `moves` (of any job) as counted."""
    by_status, counted = await reading.numbers(keys.JOBS_BY_STATUS, keys.COUNTERS)
    found = Counter({f"status {name}": number for name, number in by_status.items()})
    for field, number in counted.items():
        name, *labels = field.split("|")
        if name == "jobs_accepted_total":
            found["accepted"] += number
        elif name == "jobs_finished_total":
            for status in TERMINAL:
                if f"outcome={status}" in labels:
                    found[_FINISHED + status] += number
        if name in {"jobs_accepted_total", "job_transitions_total"}:
            found["moves"] += number
    return found


def _span(before: Mapping[str, int], after: Mapping[str, int], prefix: str, *, moves: int = 0) -> dict[str, Counted]:
    return {
        name.removeprefix(prefix): Counted(before=before.get(name, 0), after=after.get(name, 0), moves=moves)
        for name in sorted({*before, *after})
        if name.startswith(prefix)
    }


async def _jobs(reading: Reading, names: list[str]) -> tuple[dict[str, JobFacts], dict[str, int]]:
    """Return jobs and how many events of each are in Redis, both of one moment: a job that learns is no violation."""
    jobs: dict[str, JobFacts] = {}
    event_counts: dict[str, int] = {}
    for part in parts(names):
        raws, lengths = await reading.with_lengths(part, [f"{name}:events" for name in part])
        for name, raw, length in zip(part, raws, lengths, strict=True):
            job = reading.decoded(name, raw, Job)
            if job is not None:
                jobs[job.id] = JobFacts.of(job)
                event_counts[job.id] = length
    return jobs, event_counts


async def _unchecked(reading: Reading, all_keys: list[str]) -> frozenset[str]:
    files = await reading.records(named(all_keys, keys.file("file-")), FileRecord)
    return frozenset(file.id for file in files if file.purpose == TRAINING and file.status == "uploaded")


async def _open_at(reading: Reading, all_keys: list[str]) -> dict[str, frozenset[str]]:
    prefix = keys.jobs_at("")
    return {key.removeprefix(prefix): await reading.elements(key) for key in named(all_keys, prefix)}


async def _messages(reading: Reading, all_keys: list[str]) -> list[MessageFacts]:
    return [
        MessageFacts(id=message.id, type=message.type, job_id=message.job_id, sequence=message.sequence)
        for message in await reading.records(named(all_keys, webhook_keys.message("evt_")), WebhookMessage)
        if message.job_id is not None
    ]


async def _pending(reading: Reading) -> dict[str, str]:
    names = [webhook_keys.delivery(delivery_id) for delivery_id in await reading.members(webhook_keys.PENDING)]
    return {row.id: row.owner for row in await reading.records(names, WebhookDelivery)}


async def _waiting(reading: Reading, all_keys: Iterable[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for prefix in (webhook_keys.LANE, webhook_keys.BUSY):
        for key in named(all_keys, prefix):
            found += [(key.removeprefix(prefix), delivery_id) for delivery_id in await reading.members(key)]
    return found


def secrets_in(found: Mapping[str, str]) -> list[Violation]:
    """Return the violations of I6: `found` maps keys to the name of the secret that they hold."""
    return [Violation(invariant="I6", subject=key, detail=f"holds {name}") for key, name in sorted(found.items())]
