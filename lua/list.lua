#!lua flags=no-writes
--[[
list: one page of the stocks that exist, by location and SKU.

USES admit

KEYS
  [1] hash  inv:{s}:meta
  [2] zset  inv:{s}:skus

ARGV
  [1] epoch  or '' if the caller is admitted to none
  [2] clock  ms, or '' for TIME
  [3] from   '-' or '[<location>|<sku>'
  [4] limit

RETURNS {code, n, now, members <location>|<sku>}; n is always -1
  OK
  STALE   the same from a fenced shard
  FENCED  there is no meta

WRITES  nothing
COST    O(log(stocks) + limit)
]]
local meta_key, skus_key = KEYS[1], KEYS[2]
local epoch, clock_override, from, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local code = 'OK'
if admit(meta_key, epoch) then
  if redis.call('EXISTS', meta_key) == 0 then return {'FENCED'} end
  code = 'STALE'
end
return {code, -1, clock(clock_override), unpack(redis.call('ZRANGEBYLEX', skus_key, from, '+', 'LIMIT', 0, limit))}
