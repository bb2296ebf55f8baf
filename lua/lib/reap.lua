-- Expiry: a hold at or past its deadline is over the moment anybody looks.
local REAP_MAX = 256
-- With the hold that reaches so many lines a call has done its part: wide holds cost by the line.
local REAP_LINES_MAX = 512
-- A due hold whose keys are corrupt is looked at again after this long, so that it blocks nobody.
local CORRUPT_RETRY_MS = 3600000
local reaped, more_due, reaped_count, reaped_lines, corrupt_count = false, false, 0, 0, 0

-- give_back(record, now, letter, head, mark): end an open hold; its units and allowances come back.
-- Its number of lines; or nil (and nothing changed) and the key of a figure or counter that is
-- missing or corrupt, or does not have what the record holds.
local function give_back(record, now, letter, head, mark)
  local lines, _, keys = held(lines_of((parts_of(record.text))))
  if not lines then return nil, keys[1] end
  local counters_of, corrupt_key = allowances(record, lines, now)
  if counters_of == CORRUPT then return nil, corrupt_key end
  for index, line in ipairs(lines) do
    change(line.stock, line.quantity, -line.quantity, 0)
    if counters_of and counters_of[index] then
      spend(counters_of[index], -line.quantity, record.created)
    end
  end
  put(record, letter, head, letter, record.text .. mark)
  close(record)
  return #lines
end

-- expire(record, now, head): give a due hold back. False (and nothing changed) if that cannot be.
local function expire(record, now, head)
  local lines = give_back(record, now, 'X', head, '\nx' .. since(record, now))
  if not lines then return false end
  reaped_lines = reaped_lines + lines
  return true
end

-- reap(deadlines_key, now, max): expire what is due, oldest deadline first, once a call. Sets
-- more_due if a bound was reached while due holds remain.
local function reap(deadlines_key, now, max)
  if reaped then return end
  reaped = true
  local due = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', string.format('%d', now),
    'LIMIT', 0, max + 1)
  more_due = #due > max
  for index = 1, math.min(#due, max) do
    if reaped_lines >= REAP_LINES_MAX then
      more_due = true
      break
    end
    local id = due[index]
    local record = record_at(record_prefix .. 'rsv:' .. id)
    if record and record ~= CORRUPT and record.state ~= 'R' then
      if not record.dirty then unindexed[#unindexed + 1] = id end
    elseif record and record ~= CORRUPT and not is_due(record, now) then
      parked[id] = string.format('%d', record.created + record.ttl)
    elseif record and record ~= CORRUPT and expire(record, now, id) then
      reaped_count = reaped_count + 1
    else
      corrupt_count = corrupt_count + 1
      parked[id] = string.format('%d', now + CORRUPT_RETRY_MS)
    end
  end
end
