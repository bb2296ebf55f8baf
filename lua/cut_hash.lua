#!lua flags=no-writes
--[[
cut_hash: a page of one hash of the shard (limits, used or retired) as it is at one place of the
journal.

USES admit journal

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] hash    inv:{s}:limits, inv:{s}:retired or inv:{s}:used:<generation>:<sku>

ARGV
  [1] cursor  of the page, 0 for the first; '' for all in one
  [2] count   fields of a page, about

RETURNS {code, last journal id or '', cursor of the next page or 0, fields and values}
  OK
  RECOVERING     the shard is being restored
  STORE_CORRUPT  the key is no hash

WRITES  nothing
COST    O(count), or O(fields) for all
]]
local meta_key, journal_key, key = KEYS[1], KEYS[2], KEYS[3]
local cursor, count = ARGV[1], ARGV[2]
if redis.call('HGET', meta_key, 'state') == 'RECOVERING' then return {'RECOVERING'} end

local page
if cursor == '' then
  page = {'0', redis.pcall('HGETALL', key)}
else
  page = redis.pcall('HSCAN', key, cursor, 'COUNT', count)
end
if page.err or page[2].err then return {'STORE_CORRUPT'} end
return {'OK', journal_end(journal_key), page[1], page[2]}
