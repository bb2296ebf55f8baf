#!lua flags=allow-oom
--[[
bless: open the shard for this life of Redis, under an epoch that was never used. Compare-and-set:
whoever read another state, or talks to another life, changes nothing.

USES admit journal

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
  [11] issued epoch    the epoch to open, as the projection wrote it down; '' to draw one here
  [12] projection      attached from now on; '' to leave that as it is
  [13] previous        journal id that the entry names as the last before it; '' for the journal's last

RETURNS {code, ...}
  BLESSED   epoch, lineage, previous last journal id or ''
  CONFLICT  meta is not as expected, or another life answers; look again
  LATE      the issued epoch is not above every epoch the shard knows
  RECOVERING

WRITES  the first entry of the epoch; meta
COST    O(1)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local clock_override, old_epoch, old_replid, old_state, run_id, replid, lineage, remembered, who, why =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local issued, projection, previous = ARGV[11], ARGV[12], ARGV[13]

local meta = redis.call('HMGET', meta_key, 'epoch', 'replid', 'state', 'lineage', 'projection')
if (meta[1] or '') ~= old_epoch or (meta[2] or '') ~= old_replid or (meta[3] or '') ~= old_state then
  return {'CONFLICT'}
end
if meta[3] == 'RECOVERING' then return {'RECOVERING'} end
if not is_life(run_id, replid) then return {'CONFLICT'} end
local now = clock(clock_override)
local last = journal_end(journal_key)
local known = math.max(tonumber(meta[1] or '0'), journal_epoch(last), tonumber(remembered))
local epoch = issued
if issued == '' then
  epoch = string.format('%d', math.max(now, known + 1))
elseif tonumber(issued) <= known then
  return {'LATE'}
end
lineage = meta[4] or lineage
if previous == '' then previous = last end

redis.call('XADD', journal_key, epoch .. '-*', '@', string.format('%d', now), '!',
  table.concat({lineage, run_id, previous, who, why}, '\t'))
redis.call('HSET', meta_key, 'lineage', lineage, 'epoch', epoch, 'runId', run_id, 'replid', replid,
  'state', 'OPEN', 'schema', '1', 'shards', '1')
if projection ~= '' then
  -- What another projection has taken says nothing of this one.
  if meta[5] ~= projection then redis.call('HDEL', meta_key, 'projected') end
  redis.call('HSET', meta_key, 'projection', projection)
end
return {'BLESSED', tonumber(epoch), lineage, previous}
