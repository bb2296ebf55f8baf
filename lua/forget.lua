#!lua flags=allow-oom
--[[
forget: drop what customers used of rolling windows that have passed. Samples some customers of one
limited SKU, as Redis itself samples keys that expire: no list of them has to be kept.

USES admit stock record limit

KEYS
  [1] hash  inv:{s}:meta

ARGV
  [1] epoch
  [2] clock   ms, or '' for TIME
  [3] sample  customers, 1..256

RETURNS {code, n, now, ...}
  OK      dropped, more: 1 if many of the sample were dropped; n is always -1
  FENCED

WRITES  HDEL of counters. No journal entry: a passed window counts nothing
COST    O(sample)
]]
local meta_key = KEYS[1]
local epoch, clock_override, sample = ARGV[1], ARGV[2], tonumber(ARGV[3])

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
local sku = redis.call('HRANDFIELD', limits_key)
local limit = sku and limit_of(sku)
if not limit or limit == CORRUPT or limit.window_ms == 0 then return {'OK', -1, now, 0, 0} end

local entries = redis.pcall('HRANDFIELD', limit.key, sample, 'WITHVALUES')
if entries.err then return {'OK', -1, now, 0, 0} end
local passed = {}
for place = 1, #entries, 2 do
  -- A counter that is none stays where it is, to be found.
  local counts = not string.find(entries[place + 1], WINDOW_FORM)
  for slice in string.gmatch(entries[place + 1], '(%d+):') do
    if still_counts(limit, slice, now) then counts = true end
  end
  if not counts then passed[#passed + 1] = entries[place] end
end
if #passed > 0 then redis.call('HDEL', limit.key, unpack(passed)) end
return {'OK', -1, now, #passed, #passed * 8 > #entries and 1 or 0}
