#!lua flags=allow-oom
--[[
repair_reservation: set a record to what it should be, create or remove it, if it still is as it was
found. Touches no figure and no counter.

USES admit stock record limit commit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4] string  inv:{s}:rsv:<id>

ARGV
  [1] epoch
  [2] clock     ms, or '' for TIME
  [3] head      id [tab actor [tab request id [tab traceparent]]]
  [4] expected  '=' and stored bytes, '!' for what is no record, '-' for nothing
  [5] set       stored bytes without their journal id, '' to remove it
  [6] reason

RETURNS {code, n, now, ...}
  DONE
  CHANGED  what there is, in the form of expected
  FENCED

WRITES  one journal entry; the record; its deadline; the closed list
COST    O(log(open holds))
]]
local meta_key, journal_key, deadlines_key, key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, clock_override, head, expected, set, reason =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local before, found = record_at(key), '-'
if before == CORRUPT then
  found = '!'
elseif before then
  found = '=' .. before.raw
end
if found ~= expected then return {'CHANGED', -1, now, found} end

-- The found bytes stand behind their flag, and before those that are set.
journal[1] = 'G' .. head
journal[2] = string.sub(found, 1, 1) .. struct.pack('>I4', #found - 1) .. string.sub(found, 2)
  .. struct.pack('>I4', #set) .. set .. reason
local id = string.sub(key, #record_prefix + 5)
local state
if set ~= '' then
  local created, ttl
  created, state, ttl = struct.unpack('>I6c1I4', set)
  dirty[1] = {key = key, created = created, state = state, ttl = ttl, text = string.sub(set, 12)}
  if state == 'R' then
    opened[1], opened[2] = string.format('%d', created + ttl), id
  elseif not before or before == CORRUPT or before.state == 'R' then
    closed[1] = 'r' .. id
  end
end
if state ~= 'R' then unindexed[1] = id end
local n = commit(journal_key, deadlines_key, epoch, now)
if set == '' then redis.call('UNLINK', key) end
return {'DONE', n, now}
