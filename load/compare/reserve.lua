-- wrk: POST reservations, each with an id of its own.
-- Arguments: number of SKUs, prefix of the ids, lines of a reservation, reservations of a request
-- to the bulk endpoint (0: one in a request, without it).
local skus, prefix, lines, bulk, thread, count = 1, 'r', 1, 0, 0, 0
local threads = 0
-- All that is the same in every request is made in init: the generator shares the machine with
-- what it measures.
local head, tails = '', {}
local parts = {}

function setup(t)
  t:set('thread', threads)
  threads = threads + 1
end

local function next_id()
  count = count + 1
  return string.format('%s-%02d-%010d', prefix, thread, count)
end

local function reservation()
  return '{"reservationId":"' .. next_id() .. '",' .. tails[math.random(skus)]
end

local function body()
  if bulk == 0 then return reservation() end
  for element = 1, bulk do parts[element] = reservation() end
  return '{"reservations":[' .. table.concat(parts, ',', 1, bulk) .. ']}'
end

function init(args)
  skus, prefix = tonumber(args[1]), args[2]
  lines, bulk = tonumber(args[3]), tonumber(args[4])
  math.randomseed(thread + 1)
  for first = 1, skus do
    local items = {}
    for line = 1, lines do
      local sku = (first + line - 2) % skus
      items[line] = string.format('{"skuId":"sku-%012d","quantity":1}', sku)
    end
    tails[first] = '"items":[' .. table.concat(items, ',') .. ']}'
  end
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'application/json'
  local path = bulk == 0 and '/api/reservations' or '/api/reservations/batch'
  -- Every body has the same length.
  local sample = wrk.format(nil, path, nil, body())
  head = string.sub(sample, 1, select(2, string.find(sample, '\r\n\r\n', 1, true)))
end

function request()
  return head .. body()
end

function done(summary, latency, requests)
  io.write(string.format(
    'RESULT requests=%d duration_us=%d p50_us=%d p99_us=%d max_us=%d non2xx=%d errors=%d\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    latency.max, summary.errors.status, summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout))
end
