#!lua
--[[
adjust: change available by a signed number of units, at most once per operation id.

USES admit stock record limit commit reap

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4] hash    inv:{s}:stock:<location>:<sku>
  [5] string  inv:{s}:op:<operation id>

ARGV
  [1] epoch
  [2] clock   ms, or '' for TIME
  [3] head    operation id [tab actor [tab request id [tab traceparent]]]
  [4] delta   units, not 0
  [5] reason  text, or ''

RETURNS {code, n, now, ...}
  DONE                  available, reserved, sold, version, limit
  REPLAYED              available, reserved, sold, version, limit, as they are now
  UNKNOWN_SKU
  IDEMPOTENCY_MISMATCH  the operation id was used for something else
  INSUFFICIENT_STOCK    available
  STOCK_TOO_LARGE
  REAP_MORE
  STORE_CORRUPT         key
  FENCED

WRITES  one journal entry; HSET of the stock; the operation's outcome
COST    O(1)
]]
local meta_key, journal_key, deadlines_key, stock_key, op_key =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local epoch, clock_override, head, delta, reason =
  ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local content = 'A' .. string.sub(stock_key, #record_prefix + 7) .. '\t' .. ARGV[4]
local stock = stock_at(stock_key)
if stock == CORRUPT then return {'STORE_CORRUPT', -1, now, stock_key} end
local limit = stock and redis.call('HGET', limits_key,
  string.match(stock_key, '^[^:]*:(.+)$', #record_prefix + 7)) or ''

local before = redis.pcall('GET', op_key)
if type(before) == 'table' or before and #before <= 17 then
  return {'STORE_CORRUPT', -1, now, op_key}
end
if before then
  if string.sub(before, 18) ~= content then return {'IDEMPOTENCY_MISMATCH', -1, now} end
  if not stock then return {'UNKNOWN_SKU', -1, now} end
  return {'REPLAYED', -1, now, stock.a, stock.r, stock.s, stock.v, limit}
end
if not stock then return {'UNKNOWN_SKU', -1, now} end
if stock.a + delta < 0 then
  reap(deadlines_key, now, REAP_MAX)
  if stock.a + delta < 0 then
    local n = commit(journal_key, deadlines_key, epoch, now)
    if more_due then return {'REAP_MORE', n, now} end
    return {'INSUFFICIENT_STOCK', n, now, stock.a}
  end
end
if stock.a + stock.r + stock.s + delta > STOCK_MAX then
  return {'STOCK_TOO_LARGE', commit(journal_key, deadlines_key, epoch, now), now}
end

change(stock, delta, 0, 0)
journal[#journal + 1] = 'A' .. head
journal[#journal + 1] = string.sub(content, 2) .. '\t' .. reason
closed[#closed + 1] = 'o' .. string.match(head, '^[^\t]*')
local n, packed = commit(journal_key, deadlines_key, epoch, now)
redis.call('SET', op_key, packed .. struct.pack('>I6', now) .. content)
return {'DONE', n, now, stock.a, stock.r, stock.s, stock.v, limit}
