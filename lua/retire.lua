#!lua flags=allow-oom
--[[
retire: remove a stock without units or holds; with the last location of a SKU goes its limit.

USES admit stock record limit commit reap

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
  [2] clock  ms, or '' for TIME
  [3] head   [tab actor [tab request id [tab traceparent]]]

RETURNS {code, n, now, ...}
  DONE
  UNKNOWN_SKU
  SKU_IN_USE     available, reserved
  REAP_MORE
  STORE_CORRUPT  key
  FENCED

WRITES  one journal entry; UNLINK of the stock; the listing; the limit
COST    O(log(stocks))
]]
local meta_key, journal_key, deadlines_key, stock_key, skus_key, places_key, retired_key =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local epoch, clock_override, head = ARGV[1], ARGV[2], ARGV[3]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)
redis.call('ZCARD', skus_key)
redis.call('HLEN', places_key)
redis.call('HLEN', retired_key)

local place = string.sub(stock_key, #record_prefix + 7)
local location, sku = string.match(place, '^([^:]*):(.+)$')
local stock = stock_at(stock_key)
if stock == CORRUPT then return {'STORE_CORRUPT', -1, now, stock_key} end
if not stock then return {'UNKNOWN_SKU', -1, now} end
if stock.a > 0 or stock.r > 0 then
  reap(deadlines_key, now, REAP_MAX)
  local n = commit(journal_key, deadlines_key, epoch, now)
  if more_due and stock.r > 0 then return {'REAP_MORE', n, now} end
  return {'SKU_IN_USE', n, now, stock.a, stock.r}
end

local places = tonumber(redis.call('HGET', places_key, sku) or '1')
if not places then return {'STORE_CORRUPT', -1, now, places_key} end
change(stock, 0, 0, 0)
journal[1], journal[2] = 'D' .. head, place
local limit = limit_of(sku)
local n = commit(journal_key, deadlines_key, epoch, now)
redis.call('UNLINK', stock_key)
-- Created again, it goes on from here: goods may still come back.
redis.call('HSET', retired_key, place, string.format('%d %d', stock.s, stock.v))
redis.call('ZREM', skus_key, location .. '|' .. sku)
if places > 1 then
  redis.call('HSET', places_key, sku, string.format('%d', places - 1))
else
  redis.call('HDEL', places_key, sku)
  if limit then
    redis.call('HDEL', limits_key, sku)
    forget_counters(limit)
  end
end
return {'DONE', n, now}
