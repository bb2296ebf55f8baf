#!lua flags=allow-oom
--[[
restore: fill a fenced shard from what is known elsewhere. begin fences it with a token; wipe removes
what is there; put writes or removes stocks, reservations, outcomes, limits and counters; finish opens
it, in one call, under a new epoch. All under that token. Killed in between, the shard stays
RECOVERING and is never opened: begin again. Restored state is not journaled: the projection has it.

USES admit journal

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal

ARGV
  [1] step   begin, wipe, put or finish
  [2] token  repeated by every call of one restore
  begin:   [3] lineage  [4] expected epoch, '' if there is no meta  [5] 1: though it is open
  wipe:    from [3], names of keys without inv:{s}:
  put:     from [3], as often as wanted, kind, name and value:
             stock        <location>:<sku>    'available reserved sold version'
             retired      <location>:<sku>    'sold version': there is no such stock any more
             reservation  id                  stored bytes
             operation    id                  stored bytes
             limit        sku                 '<quantity> <window ms> <generation>', '' to remove
             used         <generation>:<sku>  '<customer> <counter>', without counter to remove
             gone         as in a key: stock:.., rsv:.., op:.. or used:..  '': there is none
  finish:  [3] epoch  [4] journal id to go on after, '' for none  [5] run id  [6] replid  [7] who
           [8] why    [9] clock, or '' for TIME  [10] projection that is attached, '' for none

RETURNS {code}
  OK
  CONFLICT   another token, another epoch, another life, or the shard is open in this very life
  LATE       the epoch is not above every epoch the shard knows
  CORRUPT    name: a value that is none

WRITES  meta; the keys named; at finish the first entry of the epoch
COST    O(values)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local step, token = ARGV[1], ARGV[2]
local prefix = string.sub(meta_key, 1, -5)
whole(meta_key)
local meta = redis.call('HMGET', meta_key, 'epoch', 'state', 'token', 'lineage')

if step == 'begin' then
  local lineage, expected, even_open = ARGV[3], ARGV[4], ARGV[5] == '1'
  if (meta[1] or '') ~= expected then return {'CONFLICT'} end
  if meta[1] and not even_open and not admit(meta_key, meta[1]) then return {'CONFLICT'} end
  redis.call('HSET', meta_key, 'lineage', lineage, 'epoch', meta[1] or '0', 'state', 'RECOVERING',
    'token', token, 'schema', '1', 'shards', '1')
  return {'OK'}
end

if meta[2] ~= 'RECOVERING' or meta[3] ~= token then return {'CONFLICT'} end

if step == 'wipe' then
  for place = 3, #ARGV do
    local key = prefix .. ARGV[place]
    -- With the journal goes what it knew of epochs.
    if key == journal_key and redis.call('EXISTS', key) == 1 then
      local known = math.max(tonumber(meta[1]), journal_epoch(journal_end(key)))
      redis.call('HSET', meta_key, 'epoch', string.format('%d', known))
    end
    if key ~= meta_key then redis.call('UNLINK', key) end
  end
  return {'OK'}
end

local function is_record(value)
  return #value > 22 and string.find('RCLXPT', string.sub(value, 18, 18), 1, true)
end

-- What the value of a kind looks like.
local FORMS = {
  stock = function(value) return string.find(value, '^%d+ %d+ %d+ %d+$') end,
  retired = function(value) return string.find(value, '^%d+ %d+$') end,
  reservation = is_record,
  operation = function(value) return #value > 17 end,
  limit = function(value) return value == '' or string.find(value, '^%d+ %d+ %d+%-%d+$') end,
  used = function(value) return string.find(value, '^%S+ ') end,
  gone = function(value) return value == '' end,
}

-- unlist(name): the stock is not there any more, for a listing either.
local function unlist(name)
  local location, sku = string.match(name, '^([^:]*):(.+)$')
  redis.call('UNLINK', prefix .. 'stock:' .. name)
  if redis.call('ZREM', prefix .. 'skus', location .. '|' .. sku) == 1
    and redis.call('HINCRBY', prefix .. 'places', sku, -1) <= 0 then
    redis.call('HDEL', prefix .. 'places', sku)
  end
end

local PUT = {}

function PUT.stock(name, value)
  local a, r, s, v = string.match(value, '^(%d+) (%d+) (%d+) (%d+)$')
  local location, sku = string.match(name, '^([^:]*):(.+)$')
  redis.call('UNLINK', prefix .. 'stock:' .. name)
  redis.call('HSET', prefix .. 'stock:' .. name, 'availableQuantity', a,
    'reservedQuantity', r, 'soldQuantity', s, 'version', v)
  redis.call('HDEL', prefix .. 'retired', name)
  if redis.call('ZADD', prefix .. 'skus', 0, location .. '|' .. sku) == 1 then
    redis.call('HINCRBY', prefix .. 'places', sku, 1)
  end
end

function PUT.retired(name, value)
  unlist(name)
  redis.call('HSET', prefix .. 'retired', name, value)
end

function PUT.reservation(name, value)
  local key = prefix .. 'rsv:' .. name
  local was = redis.pcall('GET', key)
  local was_closed = type(was) == 'string' and is_record(was) and string.sub(was, 18, 18) ~= 'R'
  redis.call('SET', key, value)
  local created, state, ttl = struct.unpack('>I6c1I4', value, 12)
  if state == 'R' then
    redis.call('ZADD', prefix .. 'deadlines', string.format('%d', created + ttl), name)
  else
    redis.call('ZREM', prefix .. 'deadlines', name)
    if not was_closed then redis.call('RPUSH', prefix .. 'closed', 'r' .. name) end
  end
end

function PUT.operation(name, value)
  if redis.call('EXISTS', prefix .. 'op:' .. name) == 0 then
    redis.call('RPUSH', prefix .. 'closed', 'o' .. name)
  end
  redis.call('SET', prefix .. 'op:' .. name, value)
end

function PUT.limit(name, value)
  if value == '' then
    redis.call('HDEL', prefix .. 'limits', name)
  else
    redis.call('HSET', prefix .. 'limits', name, value)
  end
end

function PUT.used(name, value)
  local customer, counter = string.match(value, '^(%S+) (.*)$')
  if counter == '' then
    redis.call('HDEL', prefix .. 'used:' .. name, customer)
  else
    redis.call('HSET', prefix .. 'used:' .. name, customer, counter)
  end
end

function PUT.gone(name)
  local kind, rest = string.match(name, '^(%a+):(.+)$')
  if kind == 'stock' then
    unlist(rest)
    redis.call('HDEL', prefix .. 'retired', rest)
  else
    redis.call('UNLINK', prefix .. name)
    if kind == 'rsv' then redis.call('ZREM', prefix .. 'deadlines', rest) end
  end
end

if step == 'put' then
  -- All values are looked at before the first is written.
  for place = 3, #ARGV, 3 do
    if not FORMS[ARGV[place]](ARGV[place + 2]) then return {'CORRUPT', ARGV[place + 1]} end
  end
  for place = 3, #ARGV, 3 do PUT[ARGV[place]](ARGV[place + 1], ARGV[place + 2]) end
  return {'OK'}
end

local epoch, after, run_id, replid, who, why, projection =
  ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[10]
local now = clock(ARGV[9])
-- The epoch was at least the clock when it was issued; filling the shard took its time.
if tonumber(epoch) <= math.max(tonumber(meta[1]), journal_epoch(journal_end(journal_key))) then
  return {'LATE'}
end
if not is_life(run_id, replid) then return {'CONFLICT'} end
redis.call('XADD', journal_key, epoch .. '-*', '@', string.format('%d', now), '!',
  table.concat({meta[4], run_id, after, who, why}, '\t'))
redis.call('HDEL', meta_key, 'token', 'projection', 'projected')
redis.call('HSET', meta_key, 'epoch', epoch, 'runId', run_id, 'replid', replid, 'state', 'OPEN')
if projection ~= '' then
  redis.call('HSET', meta_key, 'projection', projection, 'projected', after)
end
return {'OK'}
