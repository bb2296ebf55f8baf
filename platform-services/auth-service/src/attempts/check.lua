-- KEYS account and address, account, address; ARGV a maximum for each, window_ms.
-- 0, or for how many ms there are too many failures.
local wait = 0
for i = 1, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('PTTL', KEYS[i]), 1)
  end
end
return wait
