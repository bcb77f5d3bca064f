"""Redis: whether what it acknowledges is kept, has room, tells the same time, and is being worked on."""

from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.cli.doctor.finding import Finding, failed, ok, skipped, warning
from service.core import clock
from service.settings import Settings
from service.store import keys
from service.store.redis import NotDurable, check_durability
from service.store.server import ServerState, read_state

LEAST_VERSION = (6, 2)
WARN_SKEW_S = 1.0
MOST_SKEW_S = 60.0
TICKER_SILENT_S = 60.0
_LOOKS = 5


async def store(redis: Redis, settings: Settings, *, is_running: bool | None) -> list[Finding]:
    """Look at the server; `is_running` is whether `up` runs on the folder, None where that can't be told."""
    try:
        state = await read_state(redis)
        found = [_version(state), await _durability(redis, settings, state), _memory(state), await _clock(redis)]
        return [*found, await _ticker(redis, is_running=is_running)]
    except RedisError as error:
        return [failed("redis", f"does not answer: {error or type(error).__name__}", unreachable_remedy(settings))]


def unreachable_remedy(settings: Settings) -> str:
    """Return what to do about a Redis that does not answer."""
    where = "REDIS_URL or redis_url" if settings.redis_url else "the log of `tunewright up`"
    return f"Look at {where}; until it answers every request gets 503."


def _version(state: ServerState) -> Finding:
    detail = f"{state.name} {state.version} answers"
    numbers = tuple(int(part) for part in state.version.split(".")[:2] if part.isdigit())
    if state.name == "Redis" and numbers < LEAST_VERSION:
        return failed("redis", detail, "Tunewright needs Redis >= 6.2 or Valkey.")
    if state.is_replica:
        return failed("redis", f"{detail}, but is a read-only replica", "Give the address of the primary, or Sentinel.")
    return ok("redis", detail)


async def _durability(redis: Redis, settings: Settings, state: ServerState) -> Finding:
    if not state.last_write_ok:
        return failed(
            "durability", "the last write of the append-only file failed", "Look at the room and health of its disk."
        )
    try:
        await check_durability(redis)
    except NotDurable as error:
        if settings.redis_unchecked:
            return warning(
                "durability", f"{error} (redis_unchecked is set)", "Be sure of it, or acknowledged work goes."
            )
        return failed("durability", str(error), "Set what is named in the configuration of Redis, and start it again.")
    if state.evicted:
        return warning(
            "durability", f"{state.evicted:,} keys were evicted", "Records may be gone: run `tunewright fsck`."
        )
    return ok("durability", "appendonly yes, appendfsync always, noeviction")


def _memory(state: ServerState) -> Finding:
    if not state.limit_bytes:
        return skipped("redis memory", f"{state.used_bytes / 1e6:,.0f} MB used; no limit is told")
    detail = f"{state.used_bytes / 1e6:,.0f} of {state.limit_bytes / 1e6:,.0f} MB used ({state.memory_ratio:.0%})"
    remedy = "Give Redis more memory; when it is full, nothing is accepted."
    if state.memory_ratio > 0.95:
        return failed("redis memory", detail, remedy)
    return warning("redis memory", detail, remedy) if state.memory_ratio > 0.8 else ok("redis memory", detail)


async def _clock(redis: Redis) -> Finding:
    """Compare the clocks in the quickest of some looks; a slow answer can't be told from a wrong clock."""
    best_s, skew_s = float("inf"), 0.0
    for _ in range(_LOOKS):
        before = clock.now()
        seconds, microseconds = await redis.time()
        after = clock.now()
        if after - before < best_s:
            best_s, skew_s = after - before, seconds + microseconds / 1e6 - (before + after) / 2
    detail = f"Redis is {abs(skew_s):.3f} s {'ahead of' if skew_s > 0 else 'behind'} this machine"
    remedy = "Let NTP set the clocks of both machines; receivers refuse webhooks signed 5 minutes off."
    if abs(skew_s) - best_s > MOST_SKEW_S:
        return failed("clock", detail, remedy)
    return warning("clock", detail, remedy) if abs(skew_s) - best_s > WARN_SKEW_S else ok("clock", detail)


async def _ticker(redis: Redis, *, is_running: bool | None) -> Finding:
    raw = cast("bytes | None", await redis.hget(keys.HEARTBEATS, "ticker"))
    if is_running is False:
        return skipped("ticker", "`tunewright up` does not run on this folder now")
    if raw is None:
        return skipped("ticker", "none has run yet")
    try:
        age_s = max(0.0, clock.now() - float(raw))
    except ValueError:
        return failed("ticker", "its heartbeat can't be read", "Run `tunewright fsck`.")
    if age_s > TICKER_SILENT_S:
        return failed("ticker", f"silent for {age_s:,.0f} s: no job moves", "Start `tunewright up`, or the ticker.")
    return ok("ticker", f"made its round {age_s:.1f} s ago")
