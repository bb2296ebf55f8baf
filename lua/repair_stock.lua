#!lua flags=allow-oom
--[[
repair_stock: set a stock to what it should be, create or remove it, if it still is as it was found.

USES admit stock record limit commit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4] hash    inv:{s}:stock:<location>:<sku>
  [5] zset    inv:{s}:skus
  [6] hash    inv:{s}:places
  [7] hash    inv:{s}:retired

ARGV
  [1] epoch
  [2] clock     ms, or '' for TIME
  [3] head      [tab actor [tab request id [tab traceparent]]]
  [4] expected  'available reserved sold version', '!' for what is no stock, '' for nothing
  [5] set       'available reserved sold', or '-sold' to remove it
  [6] above     the new version is above this one
  [7] ledger    units that this adds to initial + adjustments
  [8] reason

RETURNS {code, n, now, ...}
  DONE
  CHANGED        what there is, in the form of expected
  STORE_CORRUPT  key
  FENCED

WRITES  one journal entry; HSET or UNLINK of the stock; the listing; the limit
COST    O(log(stocks))
]]
local meta_key, journal_key, deadlines_key, stock_key, skus_key, places_key, retired_key =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local epoch, clock_override, head, expected, set, above, ledger_delta, reason =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)
redis.call('ZCARD', skus_key)

local before, found, version = stock_at(stock_key), '', tonumber(above)
if before == CORRUPT then
  found = '!'
elseif before then
  found = string.format('%d %d %d %d', before.a, before.r, before.s, before.v)
  version = math.max(version, before.v)
end
if found ~= expected then return {'CHANGED', -1, now, found} end

local place = string.sub(stock_key, #record_prefix + 7)
local location, sku = string.match(place, '^([^:]*):(.+)$')
local last_version = string.match(redis.call('HGET', retired_key, place) or '', '^%d+ (%d+)$')
version = math.max(version, tonumber(last_version or '0'))
local places = tonumber(redis.call('HGET', places_key, sku) or '0')
if not places then return {'STORE_CORRUPT', -1, now, places_key} end
local limit = limit_of(sku)

local sold = string.match(set, '^%-(%d+)$')
local a, r, s = string.match(set, '^(%d+) (%d+) (%d+)$')
local stock = {key = stock_key, a = tonumber(a or '0'), r = tonumber(r or '0'),
  s = tonumber(s or sold), v = version, corrupt = before == CORRUPT}
change(stock, 0, 0, 0)
journal[1] = 'F' .. head
journal[2] = table.concat({place, ledger_delta, reason, found, set}, '\t')
local n = commit(journal_key, deadlines_key, epoch, now)

local member = location .. '|' .. sku
if not sold then
  redis.call('HDEL', retired_key, place)
  if redis.call('ZADD', skus_key, 0, member) == 1 then
    redis.call('HSET', places_key, sku, string.format('%d', places + 1))
  end
  return {'DONE', n, now}
end
redis.call('UNLINK', stock_key)
redis.call('HSET', retired_key, place, string.format('%d %d', stock.s, stock.v))
if redis.call('ZREM', skus_key, member) == 1 then places = places - 1 end
if places > 0 then
  redis.call('HSET', places_key, sku, string.format('%d', places))
else
  redis.call('HDEL', places_key, sku)
  if limit then
    redis.call('HDEL', limits_key, sku)
    forget_counters(limit)
  end
end
return {'DONE', n, now}
