#!lua flags=no-writes
--[[
reservation: read a record, from an admitted life of Redis only: never an untrue "not found".

USES admit

KEYS
  [1] hash    inv:{s}:meta
  [2] string  inv:{s}:rsv:<id>

ARGV
  [1] epoch
  [2] clock  ms, or '' for TIME

RETURNS {code, n, now, ...}
  OK                     record
  RESERVATION_NOT_FOUND
  STORE_CORRUPT          key
  FENCED

WRITES  nothing
COST    O(1)
]]
local meta_key, key = KEYS[1], KEYS[2]
local epoch, clock_override = ARGV[1], ARGV[2]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
local raw = redis.pcall('GET', key)
if type(raw) == 'table' then return {'STORE_CORRUPT', -1, now, key} end
if not raw then return {'RESERVATION_NOT_FOUND', -1, now} end
return {'OK', -1, now, raw}
