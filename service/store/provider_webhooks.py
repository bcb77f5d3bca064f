"""News from providers: each is taken once, and at most brings the next poll forward. Polling stays the truth."""

from typing import Literal, cast

from redis.asyncio import Redis

from service.store import keys

Effect = Literal["known", "idle", "hurried"]

SEEN_S = 4 * 86_400
"""A provider sends again for up to three days."""

QUIET_S = 5.0
"""Ten thousand jobs that end in a minute bring forward twelve rounds of polls, not ten thousand."""

_EFFECTS: tuple[Effect, ...] = ("known", "idle", "hurried")

# A ring marks the poll for another round even while one is under way; within the quiet time only the due time moves.
_TAKE = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[2]) then return 0 end
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then return 1 end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
if redis.call('SET', KEYS[2], '1', 'NX', 'PX', math.floor(ARGV[3] * 1000)) then
  redis.call('ZADD', KEYS[3], 'LT', now, ARGV[1])
  redis.call('HINCRBY', KEYS[4], ARGV[1], 1)
  if redis.call('LLEN', KEYS[5]) == 0 then redis.call('RPUSH', KEYS[5], '1') end
else
  redis.call('ZADD', KEYS[3], 'LT', now + ARGV[3], ARGV[1])
end
return 2
"""


class ProviderWebhookStore:
    """Takes what providers send."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def take(self, provider: str, digest: str) -> Effect:
        """Bring the poll of `provider` forward; `known` if this webhook was taken before, `idle` if no poll is due."""
        answer = await self._redis.eval(
            _TAKE,
            5,
            keys.provider_webhook(digest),
            keys.provider_quiet(provider),
            keys.DUE,
            keys.RINGS,
            keys.BELL,
            f"poll:{provider}",
            str(SEEN_S),
            str(QUIET_S),
        )
        return _EFFECTS[int(cast("int", answer))]
