#!lua
--[[
count: set on-hand to what was counted on the shelf, with compare-and-set, at most once per operation
id; creates the stock if it is new; sets or removes the purchase limit of its SKU.

USES admit stock record limit commit reap

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4] hash    inv:{s}:stock:<location>:<sku>
  [5] string  inv:{s}:op:<operation id>
  [6] zset    inv:{s}:skus
  [7] hash    inv:{s}:places
  [8] hash    inv:{s}:retired

ARGV
  [1] epoch
  [2] clock     ms, or '' for TIME
  [3] head      operation id [tab actor [tab request id [tab traceparent]]]
  [4] on hand   units
  [5] expected  version, 0 for create only, or '' for any
  [6] limit     '' keep, '-' remove, or '<quantity> <window ms, 0 for life>'
  [7] reason    text, or ''

RETURNS {code, n, now, ...}
  CREATED               available, reserved, sold, version, limit
  DONE                  available, reserved, sold, version, limit
  REPLAYED              available, reserved, sold, version, limit, as they are now
  UNKNOWN_SKU           a repeat whose stock was retired meanwhile
  IDEMPOTENCY_MISMATCH  the operation id was used for something else
  VERSION_CONFLICT      version, 0 if there is no such stock
  BELOW_RESERVED        reserved
  STOCK_TOO_LARGE
  REAP_MORE
  STORE_CORRUPT         key
  FENCED

WRITES  one journal entry; HSET of the stock; the operation's outcome; the limit; the listing
COST    O(log(stocks))
]]
local meta_key, journal_key, deadlines_key, stock_key, op_key, skus_key, places_key, retired_key =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local epoch, clock_override, head, on_hand, expected, limit, reason =
  ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)
redis.call('ZCARD', skus_key)
redis.call('HLEN', places_key)
redis.call('HLEN', retired_key)

local place = string.sub(stock_key, #record_prefix + 7)
local location, sku = string.match(place, '^([^:]*):(.+)$')
local content = 'N' .. place .. '\t' .. ARGV[4] .. '\t' .. expected .. '\t' .. limit
local stock = stock_at(stock_key)
if stock == CORRUPT then return {'STORE_CORRUPT', -1, now, stock_key} end

local function finish(code, ...)
  return {code, commit(journal_key, deadlines_key, epoch, now), now, ...}
end

local before = redis.pcall('GET', op_key)
if type(before) == 'table' or before and #before <= 17 then
  return finish('STORE_CORRUPT', op_key)
end
if before then
  if string.sub(before, 18) ~= content then return finish('IDEMPOTENCY_MISMATCH') end
  if not stock then return finish('UNKNOWN_SKU') end
  return finish('REPLAYED', stock.a, stock.r, stock.s, stock.v,
    redis.call('HGET', limits_key, sku) or '')
end
local version = stock and stock.v or 0
if expected ~= '' and tonumber(expected) ~= version then
  return finish('VERSION_CONFLICT', version)
end
-- A stock that was retired goes on with what it had sold and with its versions.
local sold, last_version, places = 0, 0, 0
if not stock then
  local retired = redis.call('HGET', retired_key, place)
  sold, last_version = string.match(retired or '0 0', '^(%d+) (%d+)$')
  sold, last_version = tonumber(sold), tonumber(last_version)
  if not sold then return finish('STORE_CORRUPT', retired_key) end
  places = tonumber(redis.call('HGET', places_key, sku) or '0')
  if not places then return finish('STORE_CORRUPT', places_key) end
end
if on_hand + (stock and stock.s or sold) > STOCK_MAX then return finish('STOCK_TOO_LARGE') end
if stock and on_hand < stock.r then
  reap(deadlines_key, now, REAP_MAX)
  if on_hand < stock.r then
    if more_due then return finish('REAP_MORE') end
    return finish('BELOW_RESERVED', stock.r)
  end
end

local created = not stock
if created then
  stock = {key = stock_key, a = 0, r = 0, s = sold, v = last_version}
  stocks[stock_key] = stock
end
local delta = on_hand - stock.r - stock.a
change(stock, delta, 0, 0)
journal[#journal + 1] = 'N' .. head
journal[#journal + 1] = table.concat(
  {place, string.format('%d', delta), reason, limit, ARGV[4], expected}, '\t')
closed[#closed + 1] = 'o' .. string.match(head, '^[^\t]*')
local old = limit_of(sku)
local n, packed = commit(journal_key, deadlines_key, epoch, now)
redis.call('SET', op_key, packed .. struct.pack('>I6', now) .. content)
if created then
  redis.call('ZADD', skus_key, 0, location .. '|' .. sku)
  redis.call('HSET', places_key, sku, string.format('%d', places + 1))
  redis.call('HDEL', retired_key, place)
end
if limit == '-' then
  redis.call('HDEL', limits_key, sku)
  forget_counters(old)
elseif limit ~= '' then
  local quantity, window_ms = string.match(limit, '^(%d+) (%d+)$')
  local generation = epoch .. '-' .. string.format('%d', n)
  if old and old.window_ms == tonumber(window_ms) then
    generation = old.generation
  else
    forget_counters(old)
  end
  redis.call('HSET', limits_key, sku, quantity .. ' ' .. window_ms .. ' ' .. generation)
end
return {created and 'CREATED' or 'DONE', n, now, stock.a, stock.r, stock.s, stock.v,
  redis.call('HGET', limits_key, sku) or ''}
