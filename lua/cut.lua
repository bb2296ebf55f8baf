#!lua flags=no-writes
--[[
cut: stocks, reservations and outcomes as they are at one place of the journal.

USES admit journal stock record

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3..]       stocks, inv:{s}:stock:<location>:<sku>, then reservations, inv:{s}:rsv:<id>, then
              outcomes, inv:{s}:op:<operation id>

ARGV
  [1] clock         ms, or '' for TIME
  [2] stocks        how many
  [3] reservations  how many

RETURNS {code, last journal id or '', now, one value per key}
  OK
    0         there is none
    1         it is not what a script wrote
    array     of a stock: available, reserved, sold, version
    string    of another: stored bytes
  RECOVERING  the shard is being restored

WRITES  nothing
COST    O(keys)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local now, stock_count, reservation_count = clock(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('HGET', meta_key, 'state') == 'RECOVERING' then return {'RECOVERING'} end

local answers = {'OK', journal_end(journal_key), now}
for place = 3, #KEYS do
  local key, answer = KEYS[place], 0
  if place < 3 + stock_count then
    local stock = stock_at(key)
    if stock == CORRUPT then
      answer = 1
    elseif stock then
      answer = {stock.a, stock.r, stock.s, stock.v}
    end
  elseif place < 3 + stock_count + reservation_count then
    local record = record_at(key)
    if record == CORRUPT then
      answer = 1
    elseif record then
      answer = record.raw
    end
  else
    local raw = redis.pcall('GET', key)
    if type(raw) == 'table' or raw and #raw <= 17 then
      answer = 1
    elseif raw then
      answer = raw
    end
  end
  answers[place + 1] = answer
end
return answers
