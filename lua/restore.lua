#!lua flags=allow-oom
--[[
restore: fill a fenced shard from what is known elsewhere. begin fences it with a token; put writes
stocks, reservations, outcomes, limits and counters under that token; finish opens it, in one call,
under a new epoch. Killed in between, the shard stays RECOVERING and is never opened: begin again.
Restored state is not journaled: the projection has it already.

USES admit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal

ARGV
  [1] step   begin, put or finish
  [2] token  repeated by every call of one restore
  begin:   [3] lineage  [4] expected epoch, '' if there is no meta
  put:     from [3], as often as wanted, kind and two values:
             stock        <location>:<sku>  'available reserved sold version'
             reservation  id                stored bytes
             operation    id                stored bytes
             limit        sku               '<quantity> <window ms> <generation>'
             used         <generation>:<sku> '<customer> <counter>'
  finish:  [3] epoch  [4] journal id to go on after, '' for none  [5] run id  [6] replid  [7] who
           [8] why    [9] clock, or '' for TIME

RETURNS {code}
  OK
  CONFLICT   another token, another epoch, or the shard is open in this very life
  LATE       the epoch is not above every epoch the shard knows
  CORRUPT    value: stored bytes that are no record

WRITES  meta; the keys named; at finish the first entry of the epoch
COST    O(values)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local step, token = ARGV[1], ARGV[2]
local prefix = string.sub(meta_key, 1, -5)
local meta = redis.call('HMGET', meta_key, 'epoch', 'state', 'token', 'lineage', 'replid')

if step == 'begin' then
  local lineage, expected = ARGV[3], ARGV[4]
  if (meta[1] or '') ~= expected then return {'CONFLICT'} end
  if meta[1] and not admit(meta_key, meta[1]) then return {'CONFLICT'} end
  redis.call('HSET', meta_key, 'lineage', lineage, 'epoch', meta[1] or '0', 'state', 'RECOVERING',
    'token', token, 'schema', '1', 'shards', '1')
  return {'OK'}
end

if meta[2] ~= 'RECOVERING' or meta[3] ~= token then return {'CONFLICT'} end

if step == 'put' then
  -- All values are looked at before the first is written.
  for place = 3, #ARGV, 3 do
    local kind, value = ARGV[place], ARGV[place + 2]
    if kind == 'reservation' and (#value <= 22
      or not string.find('RCLXPT', string.sub(value, 18, 18), 1, true)) then
      return {'CORRUPT', ARGV[place + 1]}
    end
    if kind == 'stock' and not string.match(value, '^%d+ %d+ %d+ %d+$') then
      return {'CORRUPT', ARGV[place + 1]}
    end
  end
  for place = 3, #ARGV, 3 do
    local kind, name, value = ARGV[place], ARGV[place + 1], ARGV[place + 2]
    if kind == 'stock' then
      local a, r, s, v = string.match(value, '^(%d+) (%d+) (%d+) (%d+)$')
      local location, sku = string.match(name, '^([^:]*):(.+)$')
      redis.call('HSET', prefix .. 'stock:' .. name, 'availableQuantity', a,
        'reservedQuantity', r, 'soldQuantity', s, 'version', v)
      if redis.call('ZADD', prefix .. 'skus', 0, location .. '|' .. sku) == 1 then
        redis.call('HINCRBY', prefix .. 'places', sku, 1)
      end
    elseif kind == 'reservation' then
      local was = redis.call('GET', prefix .. 'rsv:' .. name)
      redis.call('SET', prefix .. 'rsv:' .. name, value)
      local created, state, ttl = struct.unpack('>I6c1I4', value, 12)
      if state == 'R' then
        redis.call('ZADD', prefix .. 'deadlines', string.format('%d', created + ttl), name)
      else
        redis.call('ZREM', prefix .. 'deadlines', name)
        if not was or string.sub(was, 18, 18) == 'R' then
          redis.call('RPUSH', prefix .. 'closed', 'r' .. name)
        end
      end
    elseif kind == 'operation' then
      if redis.call('EXISTS', prefix .. 'op:' .. name) == 0 then
        redis.call('RPUSH', prefix .. 'closed', 'o' .. name)
      end
      redis.call('SET', prefix .. 'op:' .. name, value)
    elseif kind == 'limit' then
      redis.call('HSET', prefix .. 'limits', name, value)
    elseif kind == 'used' then
      local customer, counter = string.match(value, '^(%S+) (.+)$')
      redis.call('HSET', prefix .. 'used:' .. name, customer, counter)
    end
  end
  return {'OK'}
end

local epoch, after, run_id, replid, who, why = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local now = clock(ARGV[9])
local last = redis.call('XREVRANGE', journal_key, '+', '-', 'COUNT', 1)[1]
local last_epoch = last and tonumber(string.match(last[1], '^(%d+)-')) or 0
if tonumber(epoch) <= math.max(tonumber(meta[1] or '0'), last_epoch) or tonumber(epoch) < now then
  return {'LATE'}
end
if not string.find(
  redis.call('INFO', 'replication'), 'master_replid:' .. replid .. '\r', 1, true
) then
  return {'CONFLICT'}
end
redis.call('XADD', journal_key, epoch .. '-*', '@', string.format('%d', now), '!',
  table.concat({meta[4], run_id, after, who, why}, '\t'))
redis.call('HDEL', meta_key, 'token')
redis.call('HSET', meta_key, 'epoch', epoch, 'runId', run_id, 'replid', replid, 'state', 'OPEN')
return {'OK'}
