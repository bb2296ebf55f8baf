#!lua flags=allow-oom
--[[
attest: state a stock's or a reservation's present form anew, under a new version, so that a
projection overwrites what it has. Changes no figure.

USES admit stock record limit commit

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4] hash or string  inv:{s}:stock:<location>:<sku> or inv:{s}:rsv:<id>

ARGV
  [1] epoch
  [2] clock   ms, or '' for TIME
  [3] kind    stock or reservation
  [4] head    id (of the reservation) [tab actor [tab request id [tab traceparent]]]
  [5] reason
  [6] above   of a stock: the new version is above this one
  [7] ledger  of a stock: units added to initial + adjustments that no entry brought

RETURNS {code, n, now, ...}
  DONE
  UNKNOWN_SKU
  RESERVATION_NOT_FOUND
  STORE_CORRUPT          key
  FENCED

WRITES  one journal entry; the version of the stock, or the journal id of the record
COST    O(1)
]]
local meta_key, journal_key, deadlines_key, key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, clock_override, kind, head, reason, above, ledger_delta =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

if kind == 'stock' then
  local stock = stock_at(key)
  if stock == CORRUPT then return {'STORE_CORRUPT', -1, now, key} end
  if not stock then return {'UNKNOWN_SKU', -1, now} end
  stock.v = math.max(stock.v, tonumber(above))
  change(stock, 0, 0, 0)
  journal[1] = 'S' .. head
  journal[2] = string.sub(key, #record_prefix + 7) .. '\t0\t' .. reason .. '\t' .. ledger_delta
else
  local record = record_at(key)
  if record == CORRUPT then return {'STORE_CORRUPT', -1, now, key} end
  if not record then return {'RESERVATION_NOT_FOUND', -1, now} end
  put(record, 'V', head, record.state, record.text)
end
return {'DONE', commit(journal_key, deadlines_key, epoch, now), now}
