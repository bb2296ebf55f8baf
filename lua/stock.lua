#!lua flags=no-writes
--[[
stock: read figures, also from a fenced shard as long as it has its meta; the answer says so.

USES admit

KEYS
  [1] hash  inv:{s}:meta
  [2] hash  inv:{s}:limits
  [3..]     hashes inv:{s}:stock:<location>:<sku>

ARGV
  [1] epoch  or '' if the caller is admitted to none
  [2] clock  ms, or '' for TIME
  [3..]      SKU of each stock

RETURNS {code, n, now, one answer per stock}; n is always -1
  OK       answers: 0 if there is no such stock; {available, reserved, sold, version, limit or ''};
           {key} if it is corrupt
  STALE    the same from a fenced shard
  FENCED   there is no meta

WRITES  nothing
COST    O(stocks)
]]
local meta_key, limits_key, epoch, clock_override = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

local code = 'OK'
if admit(meta_key, epoch) then
  if redis.call('EXISTS', meta_key) == 0 then return {'FENCED'} end
  code = 'STALE'
end
local limited = redis.call('EXISTS', limits_key) == 1
local answers = {}
for index = 3, #KEYS do
  local answer = redis.pcall(
    'HMGET', KEYS[index], 'availableQuantity', 'reservedQuantity', 'soldQuantity', 'version')
  if answer.err then
    answer = {KEYS[index]}
  elseif not (answer[1] and answer[2] and answer[3] and answer[4]) then
    answer = redis.call('EXISTS', KEYS[index]) == 1 and {KEYS[index]} or 0
  else
    answer[5] = limited and redis.call('HGET', limits_key, ARGV[index]) or ''
  end
  answers[index - 2] = answer
end
return {code, -1, clock(clock_override), unpack(answers)}
