#!lua flags=allow-oom
--[[
detach: no projection is attached any more, open or not. For the day it is gone for good.

USES admit

KEYS
  [1] hash  inv:{s}:meta

ARGV
  [1] clock  ms, or '' for TIME
  [2] who
  [3] why

RETURNS {code}
  OK
  ABSENT  there is no meta

WRITES  meta; who, when and why stay in its field detached
COST    O(1)
]]
local meta_key = KEYS[1]
if redis.call('EXISTS', meta_key) == 0 then return {'ABSENT'} end
redis.call('HDEL', meta_key, 'projection', 'projected')
redis.call('HSET', meta_key, 'detached',
  table.concat({string.format('%d', clock(ARGV[1])), ARGV[2], ARGV[3]}, '\t'))
return {'OK'}
