"""The Lua scripts of the delivery queue (`service/store/deliveries.py` says what they keep true)."""

from service.store import webhook_keys as keys

LEASE_S = 20.0  # the longest try, and time to store what came of it
CAP = 4
"""Deliveries at the same time to a receiver that has answered well; to one that is new or failing, one."""

KEPT_S = 30 * 86_400
MESSAGE_KEPT_S = KEPT_S + 4 * 86_400
_LOG_LENGTH = 10_000
_LONGEST_BACKOFF_S = 30

_PRELUDE = f"""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local function exact(number) return string.format('%.6f', number) end
local function look_again(owner)
  local health = redis.call('HMGET', '{keys.HEALTH}' .. owner, 'ok', 'failures', 'hold_until')
  local cap = (health[1] and not health[2]) and {CAP} or 1
  local lease = redis.call('ZRANGE', '{keys.BUSY}' .. owner, 0, 0, 'WITHSCORES')
  local free = cap - redis.call('ZCARD', '{keys.BUSY}' .. owner)
  local hold = tonumber(health[3] or 0)
  local at = lease[2] and tonumber(lease[2])
  local head = redis.call('ZRANGE', '{keys.LANE}' .. owner, 0, 0, 'WITHSCORES')
  if free > 0 and head[2] then
    local ready = math.max(tonumber(head[2]), hold)
    if not at or ready < at then at = ready end
  end
  if at then redis.call('ZADD', '{keys.DUE}', exact(at), owner) else redis.call('ZREM', '{keys.DUE}', owner) end
  if hold > now then return 0 end
  return free
end
local function give_back(owner, id)
  redis.call('ZREM', '{keys.BUSY}' .. owner, id)
  redis.call('ZADD', '{keys.LANE}' .. owner, exact(now), id)
end
local function holds(owner, id, token)
  local score = redis.call('ZSCORE', owner == '' and '{keys.DUE}' or '{keys.BUSY}' .. owner, id)
  return score and exact(tonumber(score)) == token
end
"""

CLAIM = (
    _PRELUDE
    + f"""
local slots, lease = tonumber(ARGV[2]), exact(now + ARGV[3])
local messages, deliveries = {{}}, {{}}
local function take(id, owner)
  table.insert(deliveries, id); table.insert(deliveries, owner); table.insert(deliveries, lease)
  slots = slots - 1
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', '{keys.DUE}', '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local kind = string.sub(member, 1, 4)
  if kind == 'evt_' then
    redis.call('ZADD', '{keys.DUE}', lease, member)
    table.insert(messages, member)
  elseif slots > 0 and kind == 'whd_' then
    redis.call('ZADD', '{keys.DUE}', lease, member)
    take(member, '')
  elseif slots > 0 then
    local busy, lane = '{keys.BUSY}' .. member, '{keys.LANE}' .. member
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', busy, '-inf', now)) do give_back(member, id) end
    local free = math.min(look_again(member), slots)
    if free > 0 then
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', lane, '-inf', now, 'LIMIT', 0, free)) do
        redis.call('ZREM', lane, id)
        redis.call('ZADD', busy, lease, id)
        take(id, member)
      end
      look_again(member)
    end
  end
end
local first = redis.call('ZRANGE', '{keys.DUE}', 0, 0, 'WITHSCORES')
return {{messages, deliveries, first[2] and exact(math.max(0, first[2] - now)) or ''}}
"""
)

FAN_OUT = (
    _PRELUDE
    + f"""
if not redis.call('ZSCORE', '{keys.DUE}', ARGV[1]) then return 0 end
local function list(name, id)
  redis.call('ZADD', name, exact(now), id)
  redis.call('ZREMRANGEBYSCORE', name, '-inf', now - {KEPT_S})
  redis.call('ZREMRANGEBYRANK', name, 0, -{_LOG_LENGTH + 1})
  redis.call('EXPIRE', name, {KEPT_S})
end
for index = 4, #ARGV, 4 do
  local id, owner, row, status = unpack(ARGV, index, index + 3)
  if redis.call('SET', '{keys.DELIVERY}' .. id, row, 'NX', 'EX', {KEPT_S}) then
    list('{keys.LOG}' .. owner, id)
    if ARGV[3] ~= '' then list('{keys.OF_JOB}' .. ARGV[3], id) end
    if status == 'pending' then
      redis.call('ZADD', '{keys.LANE}' .. owner, exact(now), id)
      redis.call('ZADD', '{keys.PENDING}', exact(now), id)
      look_again(owner)
    end
  end
end
if ARGV[2] == 'last' then redis.call('ZREM', '{keys.DUE}', ARGV[1]) end
return 1
"""
)

FINISH = (
    _PRELUDE
    + f"""
local owner, id, token, row, status, retry, hold, once = unpack(ARGV)
if not holds(owner, id, token) then return {{0, ''}} end
redis.call('ZREM', owner == '' and '{keys.DUE}' or '{keys.BUSY}' .. owner, id)
redis.call('SET', '{keys.DELIVERY}' .. id, row, 'EX', {KEPT_S})
local failing = ''
if once == '1' then
  redis.call('RPUSH', '{keys.ANSWER}' .. id, status)
  redis.call('EXPIRE', '{keys.ANSWER}' .. id, 60)
  return {{1, ''}}
end
local health = '{keys.HEALTH}' .. owner
if status == 'succeeded' then
  redis.call('HDEL', health, 'failures', 'failing_since', 'hold_until')
  redis.call('HSET', health, 'ok', exact(now))
elseif status ~= 'abandoned' then
  local failures = redis.call('HINCRBY', health, 'failures', 1)
  redis.call('HSETNX', health, 'failing_since', exact(now))
  failing = redis.call('HGET', health, 'failing_since')
  if tonumber(hold) > 0 then
    local spared = math.max(tonumber(hold), math.min({_LONGEST_BACKOFF_S}, hold * 2 ^ math.min(failures - 1, 8)))
    redis.call('HSET', health, 'hold_until', exact(now + spared))
  end
end
redis.call('EXPIRE', health, {KEPT_S})
if status == 'pending' then
  redis.call('ZADD', '{keys.LANE}' .. owner, exact(now + retry), id)
else
  redis.call('ZREM', '{keys.PENDING}', id)
  if status ~= 'succeeded' then
    redis.call('ZADD', '{keys.DEAD}', exact(now), id)
    redis.call('ZREMRANGEBYSCORE', '{keys.DEAD}', '-inf', now - {KEPT_S})
  end
end
look_again(owner)
return {{1, failing}}
"""
)

RELEASE = (
    _PRELUDE
    + f"""
local owner, id, token, keep = unpack(ARGV)
if not holds(owner, id, token) then return 0 end
if keep == '0' then
  redis.call('ZREM', owner == '' and '{keys.DUE}' or '{keys.BUSY}' .. owner, id)
  redis.call('ZREM', '{keys.PENDING}', id)
elseif owner == '' then
  redis.call('ZADD', '{keys.DUE}', exact(now), id)
else
  give_back(owner, id)
end
if owner ~= '' then look_again(owner) end
return 1
"""
)

RESEND = (
    _PRELUDE
    + f"""
local owner, id, row, message = unpack(ARGV)
if redis.call('ZSCORE', '{keys.BUSY}' .. owner, id) or redis.call('EXISTS', message) == 0 then return 0 end
redis.call('SET', '{keys.DELIVERY}' .. id, row, 'EX', {KEPT_S})
redis.call('EXPIRE', message, {MESSAGE_KEPT_S})
redis.call('ZADD', '{keys.LANE}' .. owner, exact(now), id)
redis.call('ZADD', '{keys.PENDING}', exact(now), id)
redis.call('ZREM', '{keys.DEAD}', id)
redis.call('HDEL', '{keys.HEALTH}' .. owner, 'hold_until')
look_again(owner)
if redis.call('LLEN', '{keys.BELL}') == 0 then redis.call('RPUSH', '{keys.BELL}', '1') end
return 1
"""
)
