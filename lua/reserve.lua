#!lua
--[[
reserve: hold the lines of many independent reservations, each all or nothing, at most once per id.
The single form is a batch of one.

USES admit stock record limit commit reap

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal
  [3] zset    inv:{s}:deadlines
  [4..]       the batch's distinct stocks, inv:{s}:stock:<location>:<sku>, then the reservations,
              inv:{s}:rsv:<id>, distinct too

ARGV
  [1] epoch    the epoch that the caller was admitted to
  [2] clock    ms, or '' for TIME
  [3] numbers  msgpack array: stocks, reservations, then per reservation: ttl ms, lines, and per
               line: index of its stock from 1, quantity
  [4..]        per reservation: head (id [tab actor [tab request id [tab traceparent]]]) with the
               letter R before it, and tail (state R, ttl as 4 bytes, first line of the text)

RETURNS {OK, n, now, reaped, one answer per reservation}
  n            place of the journal entry in the epoch, -1 if nothing changed
  answers      0: held from now on
    REPLAYED                 record: the id was used before with this content
    IDEMPOTENCY_MISMATCH     the id was used before with other content
    RESERVATION_RELEASED     a tombstone stands under the id
    UNKNOWN_SKU              per unknown line: its index from 1
    CUSTOMER_REQUIRED        per limited SKU: index of its first line
    PURCHASE_LIMIT_EXCEEDED  per SKU: index of its first line, limit, used, requested
    INSUFFICIENT_STOCK       per short line: its index, available
    REAP_MORE                undecided: the bound of expiry was reached and more holds are due
    STORE_CORRUPT            key
  FENCED

WRITES  one journal entry; per distinct stock HSET; MSET of records; ZADD of deadlines
COST    O(lines + log(open holds)); per one-line reservation in a batch of 32
        some 4 us on one hot SKU, 8.5 us where each touches another
]]
local meta_key, journal_key, deadlines_key = KEYS[1], KEYS[2], KEYS[3]
local epoch, clock_override, numbers = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])

local fenced = admit(meta_key, epoch)
if fenced then return fenced end
local now = clock(clock_override)
writable(deadlines_key)

local stock_count, count = numbers[1], numbers[2]
local first_key, first_argument = 3 + stock_count, 2
local at = {}
for index = 1, stock_count do at[index] = stock_at(KEYS[3 + index]) end
local limited = redis.call('EXISTS', limits_key) == 1

local raws = redis.call('MGET', unpack(KEYS, first_key + 1, first_key + count))
-- MGET says nil for a key of another type too: only then look closer.
local absent, present = 0, redis.call('EXISTS', unpack(KEYS, first_key + 1, first_key + count))
for i = 1, count do if not raws[i] then absent = absent + 1 end end
local suspicious = absent + present ~= count

-- lines of reservation i begin behind numbers[position]: ttl, how many, (stock, quantity)...
local function short_lines(position)
  local short = {'INSUFFICIENT_STOCK'}
  for line = 1, numbers[position + 1] do
    local stock = at[numbers[position + 2 * line]]
    if stock.a < numbers[position + 2 * line + 1] then
      short[#short + 1] = line
      short[#short + 1] = stock.a
    end
  end
  return short
end

local function unusable_lines(position)
  local unknown = {'UNKNOWN_SKU'}
  for line = 1, numbers[position + 1] do
    local key = KEYS[3 + numbers[position + 2 * line]]
    local stock = at[numbers[position + 2 * line]]
    if stock == CORRUPT then return {'STORE_CORRUPT', key} end
    if not stock then unknown[#unknown + 1] = line end
  end
  return unknown
end

-- The limits that the lines of one reservation meet: {limit, line = first line, requested, lines}.
local function met_limits(position)
  local met, by_sku = {}, {}
  for line = 1, numbers[position + 1] do
    local key = KEYS[3 + numbers[position + 2 * line]]
    local sku = string.match(key, '^[^:]*:(.+)$', #record_prefix + 7)
    local limit = limit_of(sku)
    if limit then
      local one = by_sku[sku]
      if not one then
        one = {limit = limit, line = line, requested = 0, lines = {}}
        by_sku[sku] = one
        met[#met + 1] = one
      end
      one.requested = one.requested + numbers[position + 2 * line + 1]
      one.lines[#one.lines + 1] = line
    end
  end
  return met
end

local function customer_required(met)
  local required = {'CUSTOMER_REQUIRED'}
  for _, one in ipairs(met) do required[#required + 1] = one.line end
  return required
end

-- over_limit(met, customer): nil, or the refusal.
local function over_limit(met, customer)
  local over
  for _, one in ipairs(met) do
    one.counter = counter_of(one.limit, customer, now)
    if one.counter == CORRUPT then return {'STORE_CORRUPT', one.limit.key} end
    if one.counter.total + one.requested > one.limit.quantity then
      over = over or {'PURCHASE_LIMIT_EXCEEDED'}
      over[#over + 1] = one.line
      over[#over + 1] = one.limit.quantity
      over[#over + 1] = one.counter.total
      over[#over + 1] = one.requested
    end
  end
  return over
end

local deadlines, fresh = {}, {}

-- take(i, position, counted): all is decided; hold.
local function take(i, position, counted)
  for line = 1, numbers[position + 1] do
    change(at[numbers[position + 2 * line]],
      -numbers[position + 2 * line + 1], numbers[position + 2 * line + 1], 0)
  end
  local tail = ARGV[first_argument + 2 * i + 1]
  if counted then tail = tail .. counted end
  journal[#journal + 1] = ARGV[first_argument + 2 * i]
  journal[#journal + 1] = tail
  fresh[#fresh + 1] = KEYS[first_key + i]
  fresh[#fresh + 1] = tail
  local ttl = numbers[position]
  local deadline = deadlines[ttl]
  if not deadline then
    deadline = string.format('%d', now + ttl)
    deadlines[ttl] = deadline
  end
  opened[#opened + 1] = deadline
  opened[#opened + 1] = string.sub(KEYS[first_key + i], #record_prefix + 5)
  return 0
end

-- attempt(i, position): 0 and the hold is taken, or why not; nothing changed then.
local function attempt(i, position)
  local met, customer
  if limited then
    met = met_limits(position)
    if #met > 0 then
      customer = select(3, parts_of(string.sub(ARGV[first_argument + 2 * i + 1], 6)))
      if customer == '' then return customer_required(met) end
    end
  end
  local usable, enough = true, true
  for line = 1, numbers[position + 1] do
    local stock = at[numbers[position + 2 * line]]
    if not stock or stock == CORRUPT then
      usable = false
    elseif stock.a < numbers[position + 2 * line + 1] then
      enough = false
    end
  end
  if not usable then return unusable_lines(position) end
  local counted
  if customer then
    local refusal = over_limit(met, customer)
    if refusal then return refusal end
    if enough then
      local marks = {}
      for _, one in ipairs(met) do
        spend(one.counter, one.requested, now)
        for _, line in ipairs(one.lines) do
          marks[#marks + 1] = line .. ':' .. one.limit.generation
        end
      end
      counted = '\nu' .. table.concat(marks, ',')
    end
  end
  if not enough then return short_lines(position) end
  return take(i, position, counted)
end

local function hold(i, position)
  local answer = attempt(i, position)
  if answer == 0 then return 0 end
  local code = answer[1]
  if code ~= 'INSUFFICIENT_STOCK' and code ~= 'PURCHASE_LIMIT_EXCEEDED' then return answer end
  if not reaped then
    reap(deadlines_key, now, REAP_MAX)
    answer = attempt(i, position)
    if answer == 0 then return 0 end
  end
  if more_due then return {'REAP_MORE'} end
  return answer
end

-- replay(i, record): the id was used before. A record that changes now is answered after commit.
local function replay(i, record)
  if is_due(record, now) and not expire(record, now, id_of(record)) then
    return {'STORE_CORRUPT', record.key}
  end
  local items, order, customer = parts_of(record.text)
  if items == '' then return {'RESERVATION_RELEASED'} end
  local offered = string.sub(ARGV[first_argument + 2 * i + 1], 6)
  local offered_items, offered_order, offered_customer = parts_of(offered)
  if not same_items(items, offered_items) then return {'IDEMPOTENCY_MISMATCH'} end
  if order == offered_order and customer == offered_customer then return {'REPLAYED', record} end
  local bound = string.match(record.text, '\nb(oc?)')
  if bound then
    local original_customer = bound == 'o' and customer or ''
    if offered_order == '' and offered_customer == original_customer then
      return {'REPLAYED', record}
    end
  elseif record.state == 'R' and order == '' and offered_order ~= ''
    and (customer == '' or customer == offered_customer) then
    local line, rest = string.match(record.text, '^([^\n]*)(.*)$')
    local metadata = string.match(line, '^[^\t]*\t[^\t]*\t[^\t]*(\t.*)$') or ''
    local mark = (customer == '' and offered_customer ~= '') and '\nboc' or '\nbo'
    local text = items .. '\t' .. offered_order .. '\t' .. offered_customer .. metadata
    put(record, 'B', string.sub(ARGV[first_argument + 2 * i], 2), 'R',
      string.gsub(text, '\t+$', '') .. rest .. mark)
    return {'REPLAYED', record}
  end
  return {'IDEMPOTENCY_MISMATCH'}
end

local answers, position = {}, 3
for i = 1, count do
  local key = KEYS[first_key + i]
  if raws[i] then
    local record = records[key]
    if record == nil then record = record_of(key, raws[i]) end
    if record == CORRUPT then
      answers[i] = {'STORE_CORRUPT', key}
    else
      answers[i] = replay(i, record)
    end
  elseif suspicious and redis.call('EXISTS', key) == 1 then
    answers[i] = {'STORE_CORRUPT', key}
  else
    answers[i] = hold(i, position)
  end
  position = position + 2 + 2 * numbers[position + 1]
end

local n, packed = commit(journal_key, deadlines_key, epoch, now)
if #fresh > 0 then
  local stored = packed .. struct.pack('>I6', now)
  for place = 2, #fresh, 2 do fresh[place] = stored .. fresh[place] end
  redis.call('MSET', unpack(fresh))
end
for i = 1, count do
  local answer = answers[i]
  if answer ~= 0 and answer[1] == 'REPLAYED' then answer[2] = answer[2].raw end
end
return {'OK', n, now, reaped_count, unpack(answers)}
