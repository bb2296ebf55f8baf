-- wrk: POST one-line reservations, each with an id of its own.
-- Arguments: number of SKUs, prefix of the ids.
local skus, prefix, thread, count = 1, "r", 0, 0
local threads = 0

function setup(t)
  t:set("thread", threads)
  threads = threads + 1
end

function init(args)
  skus, prefix = tonumber(args[1]), args[2]
  math.randomseed(thread + 1)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  count = count + 1
  local body = '{"reservationId":"' .. prefix .. "-" .. thread .. "-" .. count
    .. '","items":[{"skuId":"sku-' .. math.random(skus) .. '","quantity":1}]}'
  return wrk.format(nil, "/api/reservations", nil, body)
end

function done(summary, latency, requests)
  io.write(string.format(
    'RESULT requests=%d duration_us=%d p50_us=%d p99_us=%d max_us=%d non2xx=%d errors=%d\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    latency.max, summary.errors.status, summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout))
end
