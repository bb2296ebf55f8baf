#!lua flags=allow-oom
--[[
bless: open the shard for this life of Redis, under an epoch that was never used. Compare-and-set:
whoever read another state, or talks to another life, changes nothing.

USES admit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal

ARGV
  [1] clock            ms, or '' for TIME
  [2] expected epoch   as read, '' if there was no meta
  [3] expected replid  as read, '' if there was no meta
  [4] expected state   as read, '' if there was no meta; RECOVERING is never opened
  [5] run id           of this Redis, from INFO
  [6] replid           of this Redis, from INFO
  [7] lineage          used where there is none yet
  [8] remembered       highest epoch that the caller knows of, 0 if none
  [9] who
  [10] why

RETURNS {code, ...}
  BLESSED   epoch, lineage, previous last journal id or ''
  CONFLICT  meta is not as expected, or another life answers; look again
  RECOVERING

WRITES  the first entry of the epoch; meta
COST    O(1)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local clock_override, old_epoch, old_replid, old_state, run_id, replid, lineage, remembered, who, why =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

local meta = redis.call('HMGET', meta_key, 'epoch', 'replid', 'state', 'lineage')
if (meta[1] or '') ~= old_epoch or (meta[2] or '') ~= old_replid or (meta[3] or '') ~= old_state then
  return {'CONFLICT'}
end
if meta[3] == 'RECOVERING' then return {'RECOVERING'} end
if not string.find(
  redis.call('INFO', 'replication'), 'master_replid:' .. replid .. '\r', 1, true
) then
  return {'CONFLICT'}
end
local now = clock(clock_override)
local last = redis.call('XREVRANGE', journal_key, '+', '-', 'COUNT', 1)
local previous = last[1] and last[1][1] or ''
local previous_epoch = tonumber(string.match(previous, '^(%d+)-') or '0')
-- An emptied stream still knows the last id it gave out.
if previous == '' and redis.call('EXISTS', journal_key) == 1 then
  local info = redis.call('XINFO', 'STREAM', journal_key)
  for place = 1, #info, 2 do
    if info[place] == 'last-generated-id' then
      previous_epoch = tonumber(string.match(info[place + 1], '^(%d+)-'))
    end
  end
end
local epoch = string.format('%d', math.max(
  now, tonumber(meta[1] or '0') + 1, previous_epoch + 1, tonumber(remembered) + 1))
lineage = meta[4] or lineage

redis.call('XADD', journal_key, epoch .. '-*', '@', string.format('%d', now), '!',
  table.concat({lineage, run_id, previous, who, why}, '\t'))
redis.call('HSET', meta_key, 'lineage', lineage, 'epoch', epoch, 'runId', run_id, 'replid', replid,
  'state', 'OPEN', 'schema', '1', 'shards', '1')
return {'BLESSED', tonumber(epoch), lineage, previous}
