#!lua flags=allow-oom
--[[
trim: without a projection, let go of journal entries that are older than the time to keep, or that
stand over the memory budget. With one attached the worker trims. Ids within an epoch are contiguous,
so the entry of a given age is found by bisection.

USES admit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal

ARGV
  [1] epoch
  [2] clock      ms, or '' for TIME
  [3] keep       ms
  [4] max bytes  memory budget
  [5] max        entries at most in one call

RETURNS {code, n, now, ...}
  OK      trimmed, more: 1 if the bound was reached
  FENCED

WRITES  XTRIM
COST    O(log(entries) + trimmed)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local epoch, clock_override, keep, max_bytes, max =
  ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
local attached = redis.call('HGET', meta_key, 'projection')
local first = redis.call('XRANGE', journal_key, '-', '+', 'COUNT', 1)[1]
if (attached and attached ~= '') or not first then return {'OK', -1, now, 0, 0} end

local first_epoch, first_n = string.match(first[1], '^(%d+)-(%d+)$')
local last = redis.call('XREVRANGE', journal_key,
  first_epoch .. '-18446744073709551615', '-', 'COUNT', 1)[1]
local low, high = tonumber(first_n), tonumber(string.match(last[1], '-(%d+)$')) + 1
local bottom, top = low, high

local function at(n)
  local entry = redis.call('XRANGE', journal_key,
    first_epoch .. '-' .. string.format('%d', n), '+', 'COUNT', 1)[1]
  return tonumber(entry[2][2])
end

-- The first place whose entry is young enough.
while low < high do
  local middle = math.floor((low + high) / 2)
  if at(middle) + keep <= now then low = middle + 1 else high = middle end
end
local bytes = redis.call('MEMORY', 'USAGE', journal_key) or 0
if bytes > max_bytes then
  low = math.max(low, bottom + math.ceil((top - bottom) * (bytes - max_bytes) / bytes))
end
low = math.min(low, bottom + max)
if low <= bottom then return {'OK', -1, now, 0, 0} end
-- The newest entry of the stream stays: its id says where the journal stands.
local newest = redis.call('XREVRANGE', journal_key, '+', '-', 'COUNT', 1)[1]
local edge = first_epoch .. '-' .. string.format('%d', low)
if low >= top and newest[1] == last[1] then edge = newest[1] end
local trimmed = redis.call('XTRIM', journal_key, 'MINID', edge)
return {'OK', -1, now, trimmed, trimmed >= max and 1 or 0}
