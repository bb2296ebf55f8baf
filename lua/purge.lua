#!lua flags=allow-oom
--[[
purge: remove terminal reservations and operation outcomes that are older than the retention. Walks
the closed list, oldest first; what changed after it was closed goes back to the end of it. With a
projection attached nothing goes that the projection has not taken.

USES admit stock record

KEYS
  [1] hash  inv:{s}:meta
  [2] list  inv:{s}:closed

ARGV
  [1] epoch
  [2] clock      ms, or '' for TIME
  [3] retention  ms
  [4] max        records at most, 1..256

RETURNS {code, n, now, ...}
  OK      removed, more: 1 if the bound was reached
  FENCED

WRITES  UNLINK of records and outcomes; the closed list. No journal entry: no state of stock changes
COST    O(max)
]]
local meta_key, closed_key = KEYS[1], KEYS[2]
local epoch, clock_override, retention, max =
  ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)

local meta = redis.call('HMGET', meta_key, 'projection', 'projected')
local attached = meta[1] and meta[1] ~= ''
local projected_epoch, projected_n = string.match(meta[2] or '', '^(%d+)-(%d+)$')
projected_epoch, projected_n = tonumber(projected_epoch or '-1'), tonumber(projected_n or '-1')

-- taken(raw): whether the projection has the entry that the stored bytes name.
local function taken(raw)
  if not attached then return true end
  local change_epoch, change_n = struct.unpack('>I6I5', raw)
  return change_epoch < projected_epoch
    or change_epoch == projected_epoch and change_n <= projected_n
end

-- closed_at(record): when it was first closed, and when it last changed.
local function closed_at(record)
  local first, last
  for ms in string.gmatch(record.text, '\n[xclt](%-?%d+)') do
    local at = record.created + tonumber(ms)
    first = math.min(first or at, at)
    last = math.max(last or at, at)
  end
  return first or record.created, last or record.created
end

local walked, moved, gone = 0, {}, {}
local entries = redis.call('LRANGE', closed_key, 0, max - 1)
for _, entry in ipairs(entries) do
  local kind, id = string.sub(entry, 1, 1), string.sub(entry, 2)
  local key = record_prefix .. (kind == 'o' and 'op:' or 'rsv:') .. id
  local raw = redis.pcall('GET', key)
  local keep, move = false, false
  if type(raw) == 'string' and #raw >= 17 then
    local record = kind == 'r' and record_of(key, raw)
    if record and (record == CORRUPT or record.state == 'R') then
      keep, move = true, true
    elseif not taken(raw) then
      keep = true
    elseif record then
      local first, last = closed_at(record)
      keep = last + retention > now
      move = keep and first + retention <= now
    else
      keep = struct.unpack('>I6', raw, 12) + retention > now
    end
    if not keep then gone[#gone + 1] = key end
  end
  if keep and not move then break end
  if move then moved[#moved + 1] = entry end
  walked = walked + 1
end
if walked > 0 then
  redis.call('LTRIM', closed_key, walked, -1)
  if #moved > 0 then redis.call('RPUSH', closed_key, unpack(moved)) end
  if #gone > 0 then redis.call('UNLINK', unpack(gone)) end
end
return {'OK', -1, now, #gone, walked == max and #gone > 0 and 1 or 0}
