#!lua flags=allow-oom
--[[
release: give back what is held.

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
  [4] reason     text, or ''
  [5] tombstone  1: where the id is unknown, leave a released record, so that a late reserve is
                 refused; 0: answer RESERVATION_NOT_FOUND

RETURNS {code, n, now, ...}
  DONE                   record; its state may be X: the hold was due and this call expired it
  REPLAYED               record, released or expired before
  RESERVATION_NOT_FOUND
  RESERVATION_CONFIRMED  state
  STORE_CORRUPT          key
  FENCED

WRITES  one journal entry; per stock HSET; the record; ZREM of the deadline
COST    O(lines + log(open holds))
]]
local meta_key, journal_key, deadlines_key, key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, clock_override, head, reason, tombstone =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local record = record_at(key)
if record == CORRUPT then return {'STORE_CORRUPT', -1, now, key} end
if not record then
  if not tombstone then return {'RESERVATION_NOT_FOUND', -1, now} end
  record = {key = key, created = now, state = 'L', ttl = 0, text = ''}
  put(record, 'M', head, 'L', '\nl0\t' .. reason)
  closed[1] = 'r' .. id_of(record)
elseif is_due(record, now) then
  if not expire(record, now, head) then return {'STORE_CORRUPT', -1, now, key} end
elseif record.state == 'R' then
  local mark = '\nl' .. since(record, now) .. '\t' .. reason
  local lines, corrupt_key = give_back(record, now, 'L', head, mark)
  if not lines then return {'STORE_CORRUPT', -1, now, corrupt_key} end
elseif record.state == 'L' or record.state == 'X' then
  return {'REPLAYED', -1, now, record.raw}
else
  return {'RESERVATION_CONFIRMED', -1, now, record.state}
end

local n = commit(journal_key, deadlines_key, epoch, now)
return {'DONE', n, now, record.raw}
