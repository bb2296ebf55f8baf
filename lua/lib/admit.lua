-- whole(meta_key): fails, while nothing is written yet, in a Redis Cluster whose slot of the shard is
-- between two nodes. Scripts touch keys that they cannot declare, and one that has moved would end a
-- script halfway. No key of the shard has this name, so a node that gives the slot away or takes it
-- refuses it from the first moment to the last.
local function whole(meta_key)
  redis.call('EXISTS', string.sub(meta_key, 1, -5) .. 'none')
end

-- admit(meta_key, epoch): nil if this is the Redis life that the caller was admitted to, else the
-- FENCED answer. A master draws a new replication id whenever it starts, is promoted or leaves
-- another master, so the id names the life of this process and its data; meta says which life was
-- blessed. The trailing \r ends each comparison, so that an empty or short id never matches. The
-- role is compared because a replica that takes writes has its master's id.
local function admit(meta_key, epoch)
  whole(meta_key)
  local meta = redis.call('HMGET', meta_key, 'epoch', 'state', 'replid')
  if meta[1] == epoch and meta[2] == 'OPEN' and meta[3] then
    local info = redis.call('INFO', 'replication')
    if string.find(info, 'role:master\r', 1, true)
      and string.find(info, 'master_replid:' .. meta[3] .. '\r', 1, true) then
      return nil
    end
  end
  return {'FENCED'}
end

-- is_life(run_id, replid): whether this is that process, and a master under that id.
local function is_life(run_id, replid)
  local replication = redis.call('INFO', 'replication')
  return string.find(replication, 'role:master\r', 1, true)
    and string.find(replication, 'master_replid:' .. replid .. '\r', 1, true)
    and string.find(redis.call('INFO', 'server'), 'run_id:' .. run_id .. '\r', 1, true)
end

-- clock(override): the shard's clock in ms. Tests pass an override; '' means TIME.
local function clock(override)
  if override ~= '' then return tonumber(override) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
