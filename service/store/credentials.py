"""What all workers share about a provider's credential: a budget of requests, and circuits that open and close.

A circuit is a hash that is there while something is wrong. It opens for a time by Redis's clock; when that is over one
call is let through, whose end closes the circuit or opens it for longer. Two providers with one credential share all of
it, and another credential under the same name starts afresh: the keys are made of the credential's digest.
"""

import random
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.credentials import LONGEST_RETRY_AFTER_S, PROBE_S, SCOPES, STOPS_ALL_S, Scope, Trip
from service.store import keys

_ADMIT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local c = redis.call('HMGET', KEYS[1], 'reason', 'until', 'probe')
local is_open = c[2]
if is_open then
  if tonumber(c[2]) > now then return {c[1], tostring(c[2] - now)} end
  if c[3] and tonumber(c[3]) > now then return {c[1], tostring(math.min(c[3] - now, 2))} end
end
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
if rate > 0 then
  local b = redis.call('HMGET', KEYS[2], 'tokens', 'at')
  local tokens = math.min(burst, (b[1] or burst) + math.max(0, now - (b[2] or now)) * rate)
  if tokens < 1 then return {'rate_limited', tostring((1 - tokens) / rate)} end
  redis.call('HSET', KEYS[2], 'tokens', tostring(tokens - 1), 'at', tostring(now))
  redis.call('PEXPIRE', KEYS[2], math.ceil(burst / rate * 1000) + 1000)
end
if is_open then redis.call('HSET', KEYS[1], 'probe', tostring(now + ARGV[3])) end
return {'', '0'}
"""

_FAILED = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local is_open = redis.call('HGET', KEYS[1], 'until')
if is_open and tonumber(is_open) > now then return 0 end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
local asked = tonumber(ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[6])
if not is_open and failures < tonumber(ARGV[2]) and asked < tonumber(ARGV[8]) then return 0 end
local opens = redis.call('HINCRBY', KEYS[1], 'opens', 1)
local pause = math.min(tonumber(ARGV[4]), ARGV[3] * 2 ^ (math.min(opens, 20) - 1))
redis.call('HSET', KEYS[1], 'reason', ARGV[1], 'until', tostring(now + math.max(pause * ARGV[7], asked)))
redis.call('HDEL', KEYS[1], 'probe')
redis.call('EXPIRE', KEYS[1], 86400)
return is_open and 0 or 1
"""

_SUCCEEDED = """
local c = redis.call('HMGET', KEYS[1], 'reason', 'until')
if c[2] then
  local time = redis.call('TIME')
  if tonumber(c[2]) > time[1] + time[2] / 1e6 then return '' end
end
redis.call('DEL', KEYS[1])
return c[2] and c[1] or ''
"""

_FORGOTTEN_S = 600
"""Failures in a row that are further apart are no row."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """The credential that a provider is asked with: `digest` tells it from others and does not give it away.

    0 requests a minute is no limit.
    """

    provider: str
    digest: str
    requests_per_minute: float

    @property
    def burst(self) -> float:
        """Return how many requests may come at once: a fifth of a minute's, enough for a round of 10,000 jobs."""
        return max(20.0, self.requests_per_minute / 5)


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A circuit that is open: why, and for how many seconds more; 0 while its one call is awaited."""

    scope: Scope
    reason: str
    wait_s: float


class CredentialStore:
    """Budgets and circuits, one set a credential."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def name(self, credential: Credential) -> None:
        """Note which credential a provider is asked with, so that its pauses can be told without knowing the key."""
        await self._redis.hset(keys.CREDENTIALS, credential.provider, credential.digest)

    async def admit(self, credential: Credential, scope: Scope) -> Pause | None:
        """Take a request from the budget and return None, or why and for how long no call may be made."""
        answer = await self._redis.eval(
            _ADMIT,
            2,
            keys.circuit(credential.digest, scope),
            keys.request_budget(credential.digest),
            str(credential.requests_per_minute / 60 if scope != "create" else 0),
            str(credential.burst),
            str(PROBE_S),
        )
        reason, wait = cast("tuple[bytes, bytes]", answer)
        return Pause(scope=scope, reason=reason.decode(), wait_s=float(wait)) if reason else None

    async def failed(
        self, credential: Credential, scope: Scope, reason: str, trip: Trip, retry_after_s: float | None = None
    ) -> bool:
        """Note a failure; return whether it opened the circuit. What the provider asks to wait is waited."""
        asked = min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)
        opened = await self._redis.eval(
            _FAILED,
            1,
            keys.circuit(credential.digest, scope),
            reason,
            str(trip.after),
            str(trip.base_s),
            str(trip.cap_s),
            str(asked),
            str(_FORGOTTEN_S),
            str(random.uniform(0.8, 1.0)),
            str(STOPS_ALL_S),
        )
        return bool(opened)

    async def succeeded(self, credential: Credential, scope: Scope) -> str | None:
        """Note a success; return the reason for which calls had stopped, if this one lets them go on.

        A success that was on its way when the circuit opened says nothing.
        """
        answer = await self._redis.eval(_SUCCEEDED, 1, keys.circuit(credential.digest, scope))
        return cast("bytes", answer).decode() or None

    async def release(self, credential: Credential, scope: Scope) -> None:
        """Let another call find out whether a circuit may close: the one that had leave to can't tell."""
        await self._redis.hdel(keys.circuit(credential.digest, scope), "probe")

    async def paused(self, provider: str) -> list[Pause]:
        """Return the open circuits of the credential that a provider was last asked with."""
        digest = cast("bytes | None", await self._redis.hget(keys.CREDENTIALS, provider))
        if digest is None:
            return []
        seconds, microseconds = await self._redis.time()
        found: list[Pause] = []
        for scope in SCOPES:
            row = await self._redis.hmget(keys.circuit(digest.decode(), scope), ["reason", "until"])
            reason, until = cast("list[bytes | None]", row)
            if reason and until:
                wait_s = max(0.0, float(until) - seconds - microseconds / 1e6)
                found.append(Pause(scope=scope, reason=reason.decode(), wait_s=wait_s))
        return found
