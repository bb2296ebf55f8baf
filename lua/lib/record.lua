-- Reservation records. Stored bytes, in this order:
--   journal id of the last change (6 bytes epoch, 5 bytes n), created ms (6), state (1),
--   deadline - created in ms (4), then text:
--   line 1     items [tab order [tab customer [tab metadata]]]; items: [location|]sku=quantity,...
--   u<i>:<g>,..  line i was counted against the purchase limit of generation g
--   bo | boc   the order (and the customer) came after the reserve
--   x<d>       expired d ms after created
--   c<d> tab items tab r   confirmed; items empty: all; r: reacquired
--   l<d> tab reason        released
--   t<d> tab returnId tab items   one return
-- States: R open, C confirmed, L released, X expired, P partially returned, T returned.
-- In the journal a record stands without its journal id (the entry's own); a new hold also without
-- created (the entry's time).
local record_prefix = string.sub(KEYS[1], 1, -5)
local records, dirty = {}, {}

-- record_of(key, raw): the record that the stored bytes say; CORRUPT if they say none.
local function record_of(key, raw)
  local record = CORRUPT
  if #raw > 22 and string.find('RCLXPT', string.sub(raw, 18, 18), 1, true)
    and string.find(raw, '^[^=\t\n]*[=\n]', 23) then
    local created, state, ttl = struct.unpack('>I6c1I4', raw, 12)
    record = {key = key, raw = raw, created = created, state = state, ttl = ttl,
      text = string.sub(raw, 23)}
  end
  records[key] = record
  return record
end

-- record_at(key): the record; false if there is none; CORRUPT if the key is not a record.
local function record_at(key)
  local record = records[key]
  if record ~= nil then return record end
  local raw = redis.pcall('GET', key)
  if type(raw) == 'table' then
    records[key] = CORRUPT
    return CORRUPT
  end
  if raw then return record_of(key, raw) end
  records[key] = false
  return false
end

local function id_of(record)
  return string.sub(record.key, #record_prefix + 5)
end

-- The first line of a record's text, in its parts.
local function parts_of(text)
  local line = string.match(text, '^[^\n]*')
  local items, order, customer = string.match(line, '^([^\t]*)\t?([^\t]*)\t?([^\t]*)')
  return items, order, customer
end

-- lines_of(items): {item = '[location|]sku', key = stock key, sku, quantity} in the order asked.
local function lines_of(items)
  local lines = {}
  for item, quantity in string.gmatch(items, '([^=,]+)=(%d+)') do
    local location, sku = string.match(item, '^([^|]+)|(.+)$')
    lines[#lines + 1] = {
      item = item,
      key = record_prefix .. 'stock:' .. (location or 'default') .. ':' .. (sku or item),
      sku = sku or item,
      quantity = tonumber(quantity),
    }
  end
  return lines
end

-- by_item(items): quantity by item, and how many items there are.
local function by_item(items)
  local quantities, count = {}, 0
  for item, quantity in string.gmatch(items, '([^=,]+)=(%d+)') do
    quantities[item] = tonumber(quantity)
    count = count + 1
  end
  return quantities, count
end

-- same_items(a, b): whether both say the same, in whatever order.
local function same_items(a, b)
  if a == b then return true end
  local left, left_count = by_item(a)
  local right, right_count = by_item(b)
  if left_count ~= right_count then return false end
  for item, quantity in pairs(left) do
    if right[item] ~= quantity then return false end
  end
  return true
end

-- confirmed_items(record): what was sold, or nil if nothing ever was.
local function confirmed_items(record)
  local items = string.match(record.text, '\nc%-?%d+\t([^\t\n]*)')
  if items == '' then items = parts_of(record.text) end
  return items
end

local function is_due(record, now)
  return record.state == 'R' and now >= record.created + record.ttl
end

-- sign(now, record): ms from its creation, as the text of a record has it.
local function since(record, now)
  return string.format('%d', now - record.created)
end

-- loaded(lines): the figures of all lines; or nil, why not, and the keys: all that do not exist
-- (UNKNOWN_SKU), or the first that is corrupt.
local function loaded(lines)
  local unknown = {}
  for _, line in ipairs(lines) do
    local stock = stock_at(line.key)
    if stock == CORRUPT then return nil, 'STORE_CORRUPT', {line.key} end
    if not stock then unknown[#unknown + 1] = line.key end
    line.stock = stock
  end
  if #unknown > 0 then return nil, 'UNKNOWN_SKU', unknown end
  return lines
end

-- held(lines): loaded, and each figure reserves what the line holds: a record that says more than
-- its stock does not make units.
local function held(lines)
  local usable, code, keys = loaded(lines)
  if not usable then return nil, code, keys end
  for _, line in ipairs(lines) do
    if line.quantity < 1 or line.quantity > line.stock.r then
      return nil, 'STORE_CORRUPT', {line.key}
    end
  end
  return lines
end
