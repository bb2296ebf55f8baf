#!lua flags=allow-oom
--[[
projected: how far the attached projection has got; lets go of journal entries that it has.

USES admit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal

ARGV
  [1] epoch
  [2] cursor  the last journal id that the projection has
  [3] before  journal id before which entries go, at most the cursor; '' to keep them all

RETURNS {code, ...}
  OK        entries trimmed
  DETACHED  no projection is attached
  FENCED

WRITES  meta; XTRIM. What an older call had, a later one keeps: projected never goes back
COST    O(trimmed)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local epoch, cursor, before = ARGV[1], ARGV[2], ARGV[3]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end

-- is_before(a, b): of two journal ids.
local function is_before(a, b)
  local a_epoch, a_n = string.match(a, '^(%d+)-(%d+)$')
  local b_epoch, b_n = string.match(b, '^(%d+)-(%d+)$')
  a_epoch, b_epoch = tonumber(a_epoch), tonumber(b_epoch)
  return a_epoch < b_epoch or a_epoch == b_epoch and tonumber(a_n) < tonumber(b_n)
end

local meta = redis.call('HMGET', meta_key, 'projection', 'projected')
if not meta[1] or meta[1] == '' then return {'DETACHED'} end
if not meta[2] or meta[2] == '' or is_before(meta[2], cursor) then
  redis.call('HSET', meta_key, 'projected', cursor)
end
if before == '' then return {'OK', 0} end
if is_before(cursor, before) then before = cursor end
return {'OK', redis.call('XTRIM', journal_key, 'MINID', before)}
