#!lua flags=allow-oom
--[[
expire: give back the holds that are due, oldest deadline first. One bite of the sweeper.

USES admit stock record limit commit reap

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines

ARGV
  [1] epoch
  [2] clock  ms, or '' for TIME
  [3] max    holds at most, 1..256

RETURNS {code, n, now, ...}
  OK      expired, still due, corrupt, ms since the oldest deadline that was due before the call
  FENCED

WRITES  one journal entry; per stock HSET; MSET of records; ZREM of deadlines
COST    O(holds x log(open holds)); some 10 us per one-line hold
]]
local meta_key, journal_key, deadlines_key = KEYS[1], KEYS[2], KEYS[3]
local epoch, clock_override, max = ARGV[1], ARGV[2], tonumber(ARGV[3])

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local now_text = string.format('%d', now)
local oldest = redis.call(
  'ZRANGEBYSCORE', deadlines_key, '-inf', now_text, 'WITHSCORES', 'LIMIT', 0, 1)
reap(deadlines_key, now, math.min(max, REAP_MAX))
local n = commit(journal_key, deadlines_key, epoch, now)
local due = more_due and redis.call('ZCOUNT', deadlines_key, '-inf', now_text) or 0
return {'OK', n, now, reaped_count, due, corrupt_count,
  oldest[2] and now - tonumber(oldest[2]) or 0}
