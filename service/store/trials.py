"""Who is at work that may end its worker, and how many workers it has lost in a row.

A worker that begins leaves the token of its claim, and takes it away when it has ended, however it ended. A token
whose lease is over is a lost worker's. One that was only frozen, or cut off from Redis, speaks up later: none was lost.
"""

from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.trials import BESIDE_S, MOST_LOSSES, PAUSES_S
from service.store import keys
from service.store.due import Claim

_BEGIN = """
local row = redis.call('HMGET', KEYS[1], 'token', 'lease', 'losses', 'until')
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local losses, most, is_new = tonumber(row[3] or 0), tonumber(ARGV[5]), 0
local wait = math.max(0, (row[4] or now) - now)
if row[1] and row[1] ~= ARGV[1] then
  if redis.call('GET', row[2]) == row[1] then
    return {losses, losses > 0 and ARGV[6] or '0', 0}
  end
  losses, is_new = losses + 1, 1
  wait = tonumber(ARGV[6 + losses] or 0)
  redis.call('HDEL', KEYS[1], 'token', 'lease')
  redis.call('HSET', KEYS[1], 'losses', losses, 'until', tostring(now + wait))
  redis.call('EXPIRE', KEYS[1], losses < most and ARGV[3] or ARGV[4])
end
if losses < most and wait <= 0 then
  redis.call('HSET', KEYS[1], 'token', ARGV[1], 'lease', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return {losses, tostring(wait), is_new}
"""

_END = """
local held = redis.call('HGET', KEYS[1], 'token')
if held and held ~= ARGV[1] then return redis.call('HDEL', KEYS[1], 'losses', 'until') end
return redis.call('DEL', KEYS[1])
"""

_EXCUSE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'token', 'lease')
"""

_KEPT_S = 7 * 86_400
_GIVEN_UP_S = 3_600
"""How long work that was given up is not tried again, whoever asks."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How work stands: it lost `losses` workers in a row, the last as this look found (`is_new`). 0 to wait: go on."""

    losses: int
    wait_s: float
    is_new: bool

    @property
    def is_given_up(self) -> bool:
        """Tell whether the work has lost too many workers."""
        return self.losses >= MOST_LOSSES


class TrialStore:
    """Begins and ends work by its name."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._in_hand: dict[str, Claim] = {}

    async def begin(self, name: str, claim: Claim) -> Trial:
        """Note that `claim`'s holder is at the work, unless it is given up or has to wait. Safe to repeat."""
        answer = await self._redis.eval(
            _BEGIN,
            1,
            keys.trial(name),
            claim.token,
            keys.lease(claim.member),
            str(_KEPT_S),
            str(_GIVEN_UP_S),
            str(MOST_LOSSES),
            str(BESIDE_S),
            *map(str, PAUSES_S),
        )
        losses, wait_s, is_new = cast("tuple[int, bytes, int]", answer)
        trial = Trial(losses=losses, wait_s=float(wait_s), is_new=bool(is_new))
        if not trial.is_given_up and trial.wait_s <= 0:
            self._in_hand[name] = claim
        return trial

    async def end(self, name: str, claim: Claim) -> None:
        """Note that the work is over and its worker lives; that clears it of all losses before."""
        self._in_hand.pop(name, None)
        await self._redis.eval(_END, 1, keys.trial(name), claim.token)

    async def excuse(self) -> None:
        """Take what this process has in hand off the record, since it is told to stop and may be killed for it."""
        for name, claim in list(self._in_hand.items()):
            await self._redis.eval(_EXCUSE, 1, keys.trial(name), claim.token)

    async def is_given_up(self, name: str) -> bool:
        """Tell whether the work was given up within the last hour."""
        losses = cast("bytes | None", await self._redis.hget(keys.trial(name), "losses"))
        return losses is not None and int(losses) >= MOST_LOSSES
