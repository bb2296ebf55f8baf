#!lua flags=allow-oom
--[[
extend: move the deadline of an open hold to now + ttl, within the longest life of a hold.

USES admit stock record limit commit reap

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4] string  inv:{s}:rsv:<id>

ARGV
  [1] epoch
  [2] clock     ms, or '' for TIME
  [3] head      id [tab actor [tab request id [tab traceparent]]]
  [4] ttl       ms from now
  [5] max hold  ms from the hold's creation

RETURNS {code, n, now, ...}
  DONE                   record; n is -1 if the deadline stayed as it was
  RESERVATION_NOT_FOUND
  RESERVATION_RELEASED
  RESERVATION_EXPIRED
  RESERVATION_CONFIRMED  state
  STORE_CORRUPT          key
  FENCED

WRITES  one journal entry; the record; ZADD of the deadline
COST    O(log(open holds))
]]
local meta_key, journal_key, deadlines_key, key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, clock_override, head, ttl, max_hold =
  ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local record = record_at(key)
if not record then return {'RESERVATION_NOT_FOUND', -1, now} end
if record == CORRUPT then return {'STORE_CORRUPT', -1, now, key} end
if record.state == 'L' then return {'RESERVATION_RELEASED', -1, now} end
if record.state == 'X' then return {'RESERVATION_EXPIRED', -1, now} end
if record.state ~= 'R' then return {'RESERVATION_CONFIRMED', -1, now, record.state} end
if is_due(record, now) then
  if not expire(record, now, head) then return {'STORE_CORRUPT', -1, now, key} end
  return {'RESERVATION_EXPIRED', commit(journal_key, deadlines_key, epoch, now), now}
end

local deadline = math.min(now + ttl, record.created + max_hold)
if deadline == record.created + record.ttl or deadline <= now then
  return {'DONE', -1, now, record.raw}
end
-- A clock that was set back may lie before the creation.
record.ttl = math.max(1, deadline - record.created)
put(record, 'E', head, 'R', record.text)
opened[1], opened[2] = string.format('%d', deadline), id_of(record)
local n = commit(journal_key, deadlines_key, epoch, now)
return {'DONE', n, now, record.raw}
