-- The one write path. Scripts decide in tables; commit writes them: first the journal entry, whose
-- id goes into every record, then figures, records and indexes. The entry:
--   @  time in ms
--   =  every figure that the entry touches, as it leaves it: [location|]sku available reserved
--      sold version, one a line
--   then pairs: letter + id [tab actor [tab request id [tab traceparent]]], and what the change
--   left (a record, or its parts: see README.md), in the order decided.
-- The bounds (REAP_MAX, BATCH_RESERVATIONS_MAX) keep every variadic call under 1,000 values.
local journal = {}
local opened, closed, unindexed, parked = {}, {}, {}, {}
local closed_key = record_prefix .. 'closed'

-- writable(): raises before the first write if an index is not what it should be.
local function writable(deadlines_key)
  redis.call('ZCARD', deadlines_key)
  redis.call('LLEN', closed_key)
end

-- put(record, letter, head, state, text): a change of a record: its new state and text.
local function put(record, letter, head, state, text)
  record.state, record.text = state, text
  journal[#journal + 1] = letter .. head
  journal[#journal + 1] = struct.pack('>I6c1I4', record.created, state, record.ttl) .. text
  if not record.dirty then
    record.dirty = true
    dirty[#dirty + 1] = record
  end
end

-- close(record): its hold is over. The closed list is the purger's queue: one entry a record.
local function close(record)
  unindexed[#unindexed + 1] = id_of(record)
  closed[#closed + 1] = 'r' .. id_of(record)
end

-- write_index(deadlines_key): the zset of open holds. Parked members only move.
local function write_index(deadlines_key)
  if #unindexed > 0 then redis.call('ZREM', deadlines_key, unpack(unindexed)) end
  if #opened > 0 then redis.call('ZADD', deadlines_key, unpack(opened)) end
  for id, score in pairs(parked) do redis.call('ZADD', deadlines_key, 'XX', score, id) end
end

-- commit(journal_key, deadlines_key, epoch, now): n of the entry and the packed id that records
-- carry; -1 if nothing changed.
local function commit(journal_key, deadlines_key, epoch, now)
  if #journal == 0 then
    write_index(deadlines_key)
    return -1, nil
  end
  local figures, place_at = {}, #record_prefix + 7
  for index, stock in ipairs(touched) do
    local a, r, v = string.format('%d', stock.a), string.format('%d', stock.r),
      string.format('%d', stock.v)
    local s = stock.sold or string.format('%d', stock.s)
    local place = string.sub(stock.key, place_at)
    local location, sku = string.match(place, '^([^:]*):(.+)$')
    place = location == 'default' and sku or location .. '|' .. sku
    figures[index] = place .. ' ' .. a .. ' ' .. r .. ' ' .. s .. ' ' .. v
    stock.a_text, stock.r_text, stock.s_text, stock.v_text = a, r, s, v
  end
  local id = redis.call('XADD', journal_key, epoch .. '-*', '@', string.format('%d', now),
    '=', table.concat(figures, '\n'), unpack(journal))
  local n = tonumber(string.match(id, '-(%d+)$'))
  local packed = struct.pack('>I6I5', tonumber(epoch), n)
  for _, stock in ipairs(touched) do
    if stock.corrupt then redis.call('UNLINK', stock.key) end
    if stock.sold then
      redis.call('HSET', stock.key, 'availableQuantity', stock.a_text,
        'reservedQuantity', stock.r_text, 'version', stock.v_text)
    else
      redis.call('HSET', stock.key, 'availableQuantity', stock.a_text,
        'reservedQuantity', stock.r_text, 'soldQuantity', stock.s_text, 'version', stock.v_text)
    end
  end
  if #dirty > 0 then
    local writes = {}
    for _, record in ipairs(dirty) do
      record.raw = packed .. struct.pack('>I6c1I4', record.created, record.state, record.ttl)
        .. record.text
      writes[#writes + 1] = record.key
      writes[#writes + 1] = record.raw
    end
    redis.call('MSET', unpack(writes))
  end
  write_index(deadlines_key)
  if #closed > 0 then redis.call('RPUSH', closed_key, unpack(closed)) end
  write_counters()
  return n, packed
end
