#!lua flags=allow-oom
--[[
return: sold goods come back to available.

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
  [4] return id
  [5] items      [location|]sku=quantity,... or '' for all that is still out

RETURNS {code, n, now, ...}
  DONE                       record
  REPLAYED                   record
  RESERVATION_NOT_FOUND
  RESERVATION_NOT_CONFIRMED  state
  IDEMPOTENCY_MISMATCH       the return id was used with other items
  TOO_MANY_RETURNS
  RETURN_EXCEEDS_CONFIRMED   per line: item, requested, still out
  UNKNOWN_SKU                stock keys: they were retired
  STORE_CORRUPT              key
  FENCED

WRITES  one journal entry; per stock HSET; the record
COST    O(lines x returns)
]]
local meta_key, journal_key, deadlines_key, key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, clock_override, head, return_id, items =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local RETURNS_MAX = 100

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local record = record_at(key)
if not record then return {'RESERVATION_NOT_FOUND', -1, now} end
if record == CORRUPT then return {'STORE_CORRUPT', -1, now, key} end
if is_due(record, now) then
  if not expire(record, now, head) then return {'STORE_CORRUPT', -1, now, key} end
  return {'RESERVATION_NOT_CONFIRMED', commit(journal_key, deadlines_key, epoch, now), now, 'X'}
end
if record.state ~= 'C' and record.state ~= 'P' and record.state ~= 'T' then
  return {'RESERVATION_NOT_CONFIRMED', -1, now, record.state}
end

local sold = confirmed_items(record)
local out, returns = by_item(sold), 0
for id, came_back in string.gmatch(record.text, '\nt%-?%d+\t([^\t\n]*)\t([^\n]*)') do
  if id == return_id then
    if items == '' or same_items(items, came_back) then
      return {'REPLAYED', -1, now, record.raw}
    end
    return {'IDEMPOTENCY_MISMATCH', -1, now}
  end
  returns = returns + 1
  for item, quantity in pairs((by_item(came_back))) do out[item] = out[item] - quantity end
end
if returns >= RETURNS_MAX then return {'TOO_MANY_RETURNS', -1, now} end

local lines, exceeding = {}, {}
for _, line in ipairs(lines_of(items == '' and sold or items)) do
  local still_out = out[line.item] or 0
  if items == '' then line.quantity = still_out end
  if line.quantity > still_out then
    exceeding[#exceeding + 1] = line.item
    exceeding[#exceeding + 1] = line.quantity
    exceeding[#exceeding + 1] = still_out
  end
  if line.quantity > 0 then lines[#lines + 1] = line end
end
if #lines == 0 then
  for _, line in ipairs(lines_of(sold)) do
    exceeding[#exceeding + 1] = line.item
    exceeding[#exceeding + 1] = line.quantity
    exceeding[#exceeding + 1] = 0
  end
end
if #exceeding > 0 then
  return {'RETURN_EXCEEDS_CONFIRMED', -1, now, unpack(exceeding)}
end
local usable, code, keys = loaded(lines)
if not usable then return {code, -1, now, unpack(keys)} end
for _, line in ipairs(lines) do
  if line.quantity > line.stock.s then return {'STORE_CORRUPT', -1, now, line.key} end
end

local texts = {}
for index, line in ipairs(lines) do
  change(line.stock, line.quantity, 0, -line.quantity)
  out[line.item] = out[line.item] - line.quantity
  texts[index] = line.item .. '=' .. string.format('%d', line.quantity)
end
local state = 'T'
for _, still_out in pairs(out) do if still_out > 0 then state = 'P' end end
put(record, 'T', head, state, record.text .. '\nt' .. since(record, now) .. '\t' .. return_id
  .. '\t' .. table.concat(texts, ','))
local n = commit(journal_key, deadlines_key, epoch, now)
return {'DONE', n, now, record.raw}
