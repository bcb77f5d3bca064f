"""What is to be looked at and when: a sorted set of due members with leases, fencing tokens and a bell.

A member is `kind:id` (`job:ftjob-…`, `dataset:file-…`, `poll:NAME`). Scores are Unix seconds by Redis's own clock:
what was rung first is looked at first. A claim moves the score to the end of its lease, so that a dead worker's item
is due again by itself.
"""

import secrets
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.store import keys
from service.store.redis import Pipeline

_RING = """
local time = redis.call('TIME')
local at = time[1] + time[2] / 1e6 + ARGV[2]
local old = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not old or tonumber(old) > at then redis.call('ZADD', KEYS[1], at, ARGV[1]) end
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
if tonumber(ARGV[2]) <= 0 and redis.call('LLEN', KEYS[3]) == 0 then redis.call('RPUSH', KEYS[3], '1') end
return 1
"""

_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local scored = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
local found = {}
for at = 1, #scored, 2 do
  table.insert(found, scored[at])
  redis.call('HSETNX', KEYS[2], scored[at], scored[at + 1])
  redis.call('ZADD', KEYS[1], now + ARGV[2], scored[at])
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = '-1'
if first[2] then wait = tostring(math.max(0, first[2] - now)) end
return {found, wait}
"""

_CLAIM = """
local held = redis.call('GET', KEYS[2])
if held and string.match(held, ':(.*)$') == ARGV[3] then
  return {held, redis.call('HGET', KEYS[4], ARGV[1]) or '0', ''}
end
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if held or not score then return nil end
local time = redis.call('TIME')
local since = redis.call('HGET', KEYS[5], ARGV[1]) or score
redis.call('HDEL', KEYS[5], ARGV[1])
local token = redis.call('INCR', KEYS[3]) .. ':' .. ARGV[3]
redis.call('SET', KEYS[2], token, 'PX', math.floor(ARGV[2] * 1000))
redis.call('ZADD', KEYS[1], time[1] + time[2] / 1e6 + ARGV[2], ARGV[1])
local wait = math.max(0, time[1] + time[2] / 1e6 - since)
return {token, redis.call('HGET', KEYS[4], ARGV[1]) or '0', string.format('%.6f', wait)}
"""

_RENEW = """
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
redis.call('PEXPIRE', KEYS[2], math.floor(ARGV[3] * 1000))
redis.call('ZADD', KEYS[1], 'XX', time[1] + time[2] / 1e6 + ARGV[3], ARGV[1])
return 1
"""

_SETTLE = """
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
local time = redis.call('TIME')
if (redis.call('HGET', KEYS[3], ARGV[1]) or '0') ~= ARGV[3] then
  redis.call('ZADD', KEYS[1], time[1] + time[2] / 1e6, ARGV[1])
  if redis.call('LLEN', KEYS[4]) == 0 then redis.call('RPUSH', KEYS[4], '1') end
elseif ARGV[4] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
  redis.call('HDEL', KEYS[5], ARGV[1])
else
  redis.call('ZADD', KEYS[1], time[1] + time[2] / 1e6 + ARGV[4], ARGV[1])
  if tonumber(ARGV[4]) < 0.5 and redis.call('LLEN', KEYS[4]) == 0 then redis.call('RPUSH', KEYS[4], '1') end
end
return 1
"""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to work on `member` until the lease ends; `rings` is how often it had been rung when claimed.

    `waited_s` is how long it had been due; None where the answer that said so was lost.
    """

    member: str
    token: str
    rings: str
    lease_s: float
    waited_s: float | None = None


class LeaseLost(Exception):
    """Another worker has the item now; whatever this one found out must not be written."""


def ring(pipe: Pipeline, member: str, delay_s: float = 0.0) -> None:
    """Queue on `pipe`: make `member` due in `delay_s` seconds, or sooner if it already is.

    A ring during somebody's claim is not lost: the member is due again as soon as that claim is settled.
    """
    pipe.eval(_RING, 3, keys.DUE, keys.RINGS, keys.BELL, member, str(delay_s))


def settle(pipe: Pipeline, claim: Claim, due_in_s: float | None) -> None:
    """Queue on `pipe`: give the claim back; look again in `due_in_s` seconds, or never (None) unless it was rung."""
    due = "" if due_in_s is None else str(due_in_s)
    pipe.eval(
        _SETTLE,
        5,
        keys.DUE,
        keys.lease(claim.member),
        keys.RINGS,
        keys.BELL,
        keys.WAITING,
        claim.member,
        claim.token,
        claim.rings,
        due,
    )


class DueStore:
    """Claims and leases on due members."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def take(self, limit: int, hold_s: float) -> tuple[list[str], float | None]:
        """Return up to `limit` due members, held back for `hold_s`, and the seconds to the next one (None: none)."""
        found, wait = cast(
            "tuple[list[bytes], bytes]",
            await self._redis.eval(_TAKE, 2, keys.DUE, keys.WAITING, str(limit), str(hold_s)),
        )
        seconds = float(wait)
        return [member.decode() for member in found], None if seconds < 0 else seconds

    async def claim(self, member: str, lease_s: float) -> Claim | None:
        """Take the lease on `member`; None if it is not due any more or somebody else has it.

        The client sends the call again when its answer was lost; the nonce tells that the lease is its own.
        """
        nonce = secrets.token_hex(8)
        names = (keys.DUE, keys.lease(member), keys.FENCE, keys.RINGS, keys.WAITING)
        answer = await self._redis.eval(_CLAIM, len(names), *names, member, str(lease_s), nonce)
        if answer is None:
            return None
        token, rings, waited = cast("tuple[bytes, bytes, bytes]", answer)
        return Claim(
            member=member,
            token=token.decode(),
            rings=rings.decode(),
            lease_s=lease_s,
            waited_s=float(waited) if waited else None,
        )

    async def now(self) -> float:
        """Return Unix seconds by Redis's clock: the one that all processes share, whatever their hosts' clocks do."""
        seconds, microseconds = await self._redis.time()
        return seconds + microseconds / 1e6

    async def renew(self, claim: Claim) -> None:
        """Push the end of the lease out by its length; raises LeaseLost."""
        done = await self._redis.eval(
            _RENEW, 2, keys.DUE, keys.lease(claim.member), claim.member, claim.token, str(claim.lease_s)
        )
        if not done:
            raise LeaseLost(claim.member)

    async def settle(self, claim: Claim, due_in_s: float | None) -> None:
        """Give the claim back without a change of any record; a lost lease is no error."""
        async with self._redis.pipeline(transaction=True) as pipe:
            settle(pipe, claim, due_in_s)
            await pipe.execute()

    async def ring(self, member: str, delay_s: float = 0.0) -> None:
        """Make `member` due in `delay_s` seconds."""
        async with self._redis.pipeline(transaction=True) as pipe:
            ring(pipe, member, delay_s)
            await pipe.execute()

    async def overdue(self) -> tuple[int, float]:
        """Return how many members are due and the age in seconds of the oldest (0 if none)."""
        now = await self.now()
        count = await self._redis.zcount(keys.DUE, "-inf", now)
        first = cast("list[tuple[bytes, float]]", await self._redis.zrange(keys.DUE, 0, 0, withscores=True))
        age = max(0.0, now - first[0][1]) if first and first[0][1] > 0 else 0.0
        return count, age

    async def queued(self) -> tuple[int, float]:
        """Return how many messages wait for a worker, and for how many seconds the oldest was due (0 if none)."""
        now = await self.now()
        since = cast("list[bytes]", await self._redis.hvals(keys.WAITING))
        oldest = min((float(at) for at in since), default=now)
        return await self._redis.llen(keys.MESSAGES), max(0.0, now - oldest)
