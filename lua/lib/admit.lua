-- admit(meta_key, epoch): nil if this is the Redis life that the caller was admitted to, else the
-- FENCED answer. A master draws a new replication id whenever it starts, is promoted or leaves
-- another master, so the id names the life of this process and its data; meta says which life was
-- blessed. The trailing \r ends the comparison, so that an empty or short id never matches.
local function admit(meta_key, epoch)
  local meta = redis.call('HMGET', meta_key, 'epoch', 'state', 'replid')
  if meta[1] == epoch and meta[2] == 'OPEN' and meta[3] and string.find(
    redis.call('INFO', 'replication'), 'master_replid:' .. meta[3] .. '\r', 1, true
  ) then
    return nil
  end
  return {'FENCED'}
end

-- clock(override): the shard's clock in ms. Tests pass an override; '' means TIME.
local function clock(override)
  if override ~= '' then return tonumber(override) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
