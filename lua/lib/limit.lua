-- Purchase limits. limits: hash sku -> '<quantity> <window ms, 0 for life> <generation>'.
-- used:<generation>:<sku>: hash customer -> units, or for a window '<slice>:<units> ...'.
local WINDOW_SLICES = 1000
-- What a counter looks like: for life, and of a rolling window.
local LIFE_FORM, WINDOW_FORM = '^%d+$', '^%d+:%d[%d: ]*$'
local limits_key = record_prefix .. 'limits'
local limits, counters, spent = {}, {}, {}

-- limit_of(sku): {quantity, window_ms, generation, sku, key}, or false. Without a generation where
-- the limit is corrupt; its counters are corrupt then too.
local function limit_of(sku)
  local limit = limits[sku]
  if limit ~= nil then return limit end
  limit = false
  local text = redis.call('HGET', limits_key, sku)
  if text then
    local quantity, window_ms, generation = string.match(text, '^(%d+) (%d+) (%S+)$')
    limit = {quantity = tonumber(quantity), window_ms = tonumber(window_ms),
      generation = generation, sku = sku,
      key = generation and record_prefix .. 'used:' .. generation .. ':' .. sku or limits_key}
  end
  limits[sku] = limit
  return limit
end

local function slice_ms(limit)
  return math.max(1, math.floor(limit.window_ms / WINDOW_SLICES))
end

-- still_counts(limit, slice, now): whether the window has not passed since the end of a slice.
local function still_counts(limit, slice, now)
  return (tonumber(slice) + 1) * slice_ms(limit) + limit.window_ms > now
end

-- forget_counters(limit): of a limit that is no more, or no more the same.
local function forget_counters(limit)
  if limit and limit.generation then redis.call('UNLINK', limit.key) end
end

-- counter_of(limit, customer): {limit, customer, total, slices?}, or CORRUPT.
local function counter_of(limit, customer, now)
  if not limit.generation then return CORRUPT end
  local name = limit.key .. '\t' .. customer
  local counter = counters[name]
  if counter then return counter end
  local text = redis.pcall('HGET', limit.key, customer)
  local form = limit.window_ms == 0 and LIFE_FORM or WINDOW_FORM
  if type(text) == 'table' or text and not string.find(text, form) then return CORRUPT end
  counter = {limit = limit, customer = customer, total = 0}
  if limit.window_ms == 0 then
    counter.total = tonumber(text or '0')
  else
    counter.slices = {}
    for slice, units in string.gmatch(text or '', '(%d+):(%d+)') do
      if still_counts(limit, slice, now) then
        counter.slices[slice] = tonumber(units)
        counter.total = counter.total + tonumber(units)
      end
    end
  end
  counters[name] = counter
  return counter
end

-- spend(counter, units, at): count units taken at a moment; negative units give back.
local function spend(counter, units, at)
  if counter.slices then
    local slice = string.format('%d', math.floor(at / slice_ms(counter.limit)))
    local before = counter.slices[slice]
    if not before then
      if units < 0 then return end
      before = 0
    end
    local after = math.max(0, before + units)
    counter.slices[slice] = after > 0 and after or nil
    counter.total = counter.total + after - before
  else
    counter.total = math.max(0, counter.total + units)
  end
  if not counter.spent then
    counter.spent = true
    spent[#spent + 1] = counter
  end
end

-- generations_of(record): by line number, the generation under which the line was counted.
local function generations_of(record)
  local counted = string.match(record.text, '\nu([^\n]*)')
  if not counted then return nil end
  local generations = {}
  for index, generation in string.gmatch(counted, '(%d+):([^,]+)') do
    generations[tonumber(index)] = generation
  end
  return generations
end

-- allowances(record, lines, now): the counters to give back to, by line number. Only a limit that
-- still has the generation under which the hold was counted. CORRUPT if a counter is.
local function allowances(record, lines, now)
  local generations = generations_of(record)
  if not generations then return nil end
  local _, _, customer = parts_of(record.text)
  local found = {}
  for index, line in ipairs(lines) do
    local limit = generations[index] and limit_of(line.sku)
    if limit and limit.generation == generations[index] then
      local counter = counter_of(limit, customer, now)
      if counter == CORRUPT then return CORRUPT, limit.key end
      found[index] = counter
    end
  end
  return found
end

-- write_counters(): part of commit.
local function write_counters()
  for _, counter in ipairs(spent) do
    local text
    if counter.slices then
      local slices = {}
      for slice, units in pairs(counter.slices) do
        slices[#slices + 1] = slice .. ':' .. string.format('%d', units)
      end
      table.sort(slices)
      text = table.concat(slices, ' ')
    else
      text = counter.total > 0 and string.format('%d', counter.total) or ''
    end
    if text == '' then
      redis.call('HDEL', counter.limit.key, counter.customer)
    else
      redis.call('HSET', counter.limit.key, counter.customer, text)
    end
  end
end
