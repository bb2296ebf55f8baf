#!lua flags=allow-oom
--[[
confirm: sell what is held, wholly or in part; the rest goes back. With reacquire also after expiry,
from what is available.

USES admit stock record limit commit reap

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4] string  inv:{s}:rsv:<id>

ARGV
  [1] epoch
  [2] clock      ms, or '' for TIME
  [3] head       id [tab actor [tab request id [tab traceparent]]]
  [4] items      [location|]sku=quantity,... or '' for all
  [5] reacquire  1 or 0

RETURNS {code, n, now, ...}
  DONE                         record
  REPLAYED                     record
  RESERVATION_NOT_FOUND
  RESERVATION_RELEASED
  RESERVATION_EXPIRED
  IDEMPOTENCY_MISMATCH
  CONFIRM_EXCEEDS_RESERVATION  per line: item, requested, reserved
  INSUFFICIENT_STOCK           per line: item, requested, available
  UNKNOWN_SKU                  stock keys: they were retired
  REAP_MORE
  STORE_CORRUPT                key
  FENCED

WRITES  one journal entry; per stock HSET; the record; ZREM of the deadline
COST    O(lines + log(open holds))
]]
local meta_key, journal_key, deadlines_key, key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, clock_override, head, items, reacquire =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local function finish(...)
  local n = commit(journal_key, deadlines_key, epoch, now)
  local answer = {...}
  table.insert(answer, 2, n)
  table.insert(answer, 3, now)
  return answer
end

local record = record_at(key)
if not record then return finish('RESERVATION_NOT_FOUND') end
if record == CORRUPT then return finish('STORE_CORRUPT', key) end
if is_due(record, now) and not expire(record, now, id_of(record)) then
  return finish('STORE_CORRUPT', key)
end
if record.state == 'L' then return finish('RESERVATION_RELEASED') end
if record.state == 'C' or record.state == 'P' or record.state == 'T' then
  if items == '' or same_items(items, confirmed_items(record)) then
    return finish('REPLAYED', record.raw)
  end
  return finish('IDEMPOTENCY_MISMATCH')
end
if record.state == 'X' and not reacquire then return finish('RESERVATION_EXPIRED') end

local reserved_items, _, customer = parts_of(record.text)
-- From a hold all its lines move; anew only those that are sold.
local lines = lines_of((record.state == 'R' or items == '') and reserved_items or items)
local exceeding, holding = {}, by_item(reserved_items)
local selling = items == '' and holding or by_item(items)
if items ~= '' then
  for _, line in ipairs(lines_of(items)) do
    if line.quantity > (holding[line.item] or 0) then
      exceeding[#exceeding + 1] = line.item
      exceeding[#exceeding + 1] = line.quantity
      exceeding[#exceeding + 1] = holding[line.item] or 0
    end
  end
end
if #exceeding > 0 then return finish('CONFIRM_EXCEEDS_RESERVATION', unpack(exceeding)) end

local usable, code, keys = (record.state == 'R' and held or loaded)(lines)
if not usable then return finish(code, unpack(keys)) end
local whole = items == '' or same_items(items, reserved_items)
local mark = '\nc' .. since(record, now) .. '\t' .. (whole and '' or items)

if record.state == 'R' then
  local counters_of, corrupt_key
  if not whole then counters_of, corrupt_key = allowances(record, lines, now) end
  if counters_of == CORRUPT then return finish('STORE_CORRUPT', corrupt_key) end
  for index, line in ipairs(lines) do
    local sold = selling[line.item] or 0
    change(line.stock, line.quantity - sold, -line.quantity, sold)
    if counters_of and counters_of[index] and sold < line.quantity then
      spend(counters_of[index], sold - line.quantity, record.created)
    end
  end
  put(record, 'C', head, 'C', record.text .. mark)
  close(record)
else
  local function short_lines()
    local short = {}
    for _, line in ipairs(lines) do
      if line.stock.a < line.quantity then
        short[#short + 1] = line.item
        short[#short + 1] = line.quantity
        short[#short + 1] = line.stock.a
      end
    end
    return short
  end
  local short = short_lines()
  if #short > 0 then
    reap(deadlines_key, now, REAP_MAX)
    short = short_lines()
  end
  if #short > 0 then
    if more_due then return finish('REAP_MORE') end
    return finish('INSUFFICIENT_STOCK', unpack(short))
  end
  for _, line in ipairs(lines) do
    local limit = customer ~= '' and limit_of(line.sku)
    if limit then
      local counter = counter_of(limit, customer, now)
      if counter == CORRUPT then return {'STORE_CORRUPT', -1, now, limit.key} end
      line.counter = counter
    end
  end
  for _, line in ipairs(lines) do
    change(line.stock, -line.quantity, 0, line.quantity)
    if line.counter then spend(line.counter, line.quantity, now) end
  end
  put(record, 'Q', head, 'C', record.text .. mark .. '\tr')
end

local n = commit(journal_key, deadlines_key, epoch, now)
return {'DONE', n, now, record.raw}
