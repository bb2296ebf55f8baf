#!lua flags=no-writes
--[[
status: the shard at a glance, for metrics and readiness.

USES admit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines

ARGV
  [1] epoch  or '' if the caller is admitted to none
  [2] clock  ms, or '' for TIME

RETURNS {code, n, now, open holds, journal entries, journal bytes, used memory, age of the oldest due
deadline in ms, most memory that Redis may use or 0, clients}; n is always -1
  OK
  STALE  this is not the life of Redis that the caller was admitted to

WRITES  nothing
COST    O(1): MEMORY USAGE takes samples
]]
local meta_key, journal_key, deadlines_key = KEYS[1], KEYS[2], KEYS[3]
local epoch, clock_override = ARGV[1], ARGV[2]

local code = 'OK'
if admit(meta_key, epoch) then code = 'STALE' end
local now = clock(clock_override)
local oldest = redis.call('ZRANGE', deadlines_key, 0, 0, 'WITHSCORES')
local lag = oldest[2] and math.max(0, now - tonumber(oldest[2])) or 0
local memory = redis.call('INFO', 'memory')
local clients = string.match(redis.call('INFO', 'clients'), '\nconnected_clients:(%d+)')
return {code, -1, now, redis.call('ZCARD', deadlines_key), redis.call('XLEN', journal_key),
  redis.call('MEMORY', 'USAGE', journal_key) or 0, tonumber(string.match(memory, '\nused_memory:(%d+)')), lag,
  tonumber(string.match(memory, '\nmaxmemory:(%d+)')), tonumber(clients)}
