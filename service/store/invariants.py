"""Takes the snapshot that `service.core.invariants` judges. Reads only, by SCAN and in batches: safe on live data."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar, cast

import msgspec
from redis.asyncio import Redis

from service.core import invariants
from service.core.files import TRAINING, FileRecord
from service.core.invariants import JobFacts, MessageFacts, Violation, World
from service.core.jobs import TERMINAL, Job
from service.core.webhooks import WebhookDelivery, WebhookMessage
from service.store import counters, keys, webhook_keys

_BATCH = 500
_T = TypeVar("_T")


async def violations(redis: Redis) -> list[Violation]:
    """Return what is wrong in one snapshot. On live data a change under way may show: use `lasting_violations`."""
    return invariants.check(await snapshot(redis))


async def lasting_violations(redis: Redis, *, rounds: int = 3, pause_s: float = 1.0) -> list[Violation]:
    """Return what is wrong in each of several snapshots: a snapshot of live data is not taken at one instant."""
    found = await violations(redis)
    for _ in range(rounds - 1):
        if not found:
            break
        await asyncio.sleep(pause_s)
        again = {(one.invariant, one.subject) for one in await violations(redis)}
        found = [one for one in found if (one.invariant, one.subject) in again]
    return found


async def snapshot(redis: Redis) -> World:
    """Read the records and indexes that the invariants are about."""
    all_keys, endless = await _keys(redis)
    jobs = {job.id: JobFacts.of(job) async for job in _decoded(redis, _named(all_keys, keys.job("ftjob-")), Job)}
    samples = await counters.read(redis)
    finished = [sample for sample in samples if sample.name == "jobs_finished_total"]
    return World(
        jobs=jobs,
        listed=frozenset(await _members(redis, keys.JOBS)),
        unchecked_datasets=await _unchecked(redis, all_keys),
        due=frozenset(await _members(redis, keys.DUE)),
        rung=frozenset(_text(member) for member in await redis.hkeys(keys.RINGS)),
        open_at=await _open_at(redis, all_keys),
        statuses={_text(name): int(number) for name, number in (await redis.hgetall(keys.JOBS_BY_STATUS)).items()},
        accepted=round(sum(sample.value for sample in samples if sample.name == "jobs_accepted_total")),
        finished={s: round(sum(one.value for one in finished if ("outcome", s) in one.labels)) for s in TERMINAL},
        event_counts=await _event_counts(redis, jobs),
        messages=[message async for message in _messages(redis, all_keys)],
        webhooks_due=frozenset(await _members(redis, webhook_keys.DUE)),
        pending=await _pending(redis),
        waiting=frozenset(await _waiting(redis, all_keys)),
        keys_without_end=endless,
    )


async def _keys(redis: Redis) -> tuple[list[str], list[str]]:
    """Return all of our keys, and those without an end."""
    scan = cast("AsyncIterator[bytes]", redis.scan_iter(match="tw:*", count=_BATCH))
    found = sorted({_text(key) async for key in scan})  # SCAN may show a key twice
    endless: list[str] = []
    for part in _parts(found):
        async with redis.pipeline(transaction=False) as pipe:
            for key in part:
                pipe.pttl(key)
            endless += [key for key, left in zip(part, await pipe.execute(), strict=True) if left == -1]
    return found, endless


def _named(all_keys: Iterable[str], prefix: str) -> list[str]:
    return [key for key in all_keys if key.startswith(prefix) and ":" not in key[len(prefix) :]]


async def _decoded(redis: Redis, names: list[str], kind: type[_T]) -> AsyncIterator[_T]:
    decoder = msgspec.json.Decoder(kind)
    for part in _parts(names):
        for raw in cast("list[bytes | None]", await redis.mget(part)):
            if raw is not None:
                yield decoder.decode(raw)


async def _members(redis: Redis, key: str) -> list[str]:
    return [_text(member) for member in cast("list[bytes]", await redis.zrange(key, 0, -1))]


async def _unchecked(redis: Redis, all_keys: list[str]) -> frozenset[str]:
    names = _named(all_keys, keys.file("file-"))
    files = [file async for file in _decoded(redis, names, FileRecord)]
    return frozenset(file.id for file in files if file.purpose == TRAINING and file.status == "uploaded")


async def _open_at(redis: Redis, all_keys: list[str]) -> dict[str, frozenset[str]]:
    prefix = keys.jobs_at("")
    found: dict[str, frozenset[str]] = {}
    for key in _named(all_keys, prefix):
        members = cast("set[bytes]", await redis.smembers(key))
        found[key.removeprefix(prefix)] = frozenset(map(_text, members))
    return found


async def _event_counts(redis: Redis, jobs: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(list(jobs)):
        async with redis.pipeline(transaction=False) as pipe:
            for job_id in part:
                pipe.llen(keys.job_events(job_id))
            found.update(zip(part, cast("list[int]", await pipe.execute()), strict=True))
    return found


async def _messages(redis: Redis, all_keys: list[str]) -> AsyncIterator[MessageFacts]:
    async for message in _decoded(redis, _named(all_keys, webhook_keys.message("evt_")), WebhookMessage):
        if message.job_id is not None:
            facts = MessageFacts(id=message.id, type=message.type, job_id=message.job_id, sequence=message.sequence)
            yield facts


async def _pending(redis: Redis) -> dict[str, str]:
    names = [webhook_keys.delivery(delivery_id) for delivery_id in await _members(redis, webhook_keys.PENDING)]
    return {row.id: row.owner async for row in _decoded(redis, names, WebhookDelivery)}


async def _waiting(redis: Redis, all_keys: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for prefix in (webhook_keys.LANE, webhook_keys.BUSY):
        for key in _named(all_keys, prefix):
            found += [(key.removeprefix(prefix), delivery_id) for delivery_id in await _members(redis, key)]
    return found


def _parts(names: list[str]) -> list[list[str]]:
    return [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
