-- wrk: one-line reservations, each connection pausing between two of them, so that the rate is
-- given and not what the server can take. Arguments: SKUs, prefix of the ids, pause in ms.
local skus, prefix, pause, count = 1, "r", 0, 0

function init(args)
  skus, prefix, pause = tonumber(args[1]), args[2], tonumber(args[3])
  math.randomseed(1)
end

function delay()
  -- Around the pause, so that connections do not march in step.
  return math.random(math.floor(pause * 0.5), math.ceil(pause * 1.5))
end

function request()
  count = count + 1
  local body = '{"reservationId":"' .. prefix .. "-" .. count
    .. '","items":[{"skuId":"sku-' .. math.random(skus) .. '","quantity":1}]}'
  return wrk.format("POST", "/api/reservations", {["Content-Type"] = "application/json"}, body)
end

function done(summary, latency, requests)
  io.write(string.format('RESULT %d %d %d %d %d\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status))
end
