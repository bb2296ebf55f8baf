-- KEYS account, address; ARGV account_max, address_max, window_ms.
-- 0, or for how many ms there are too many failures.
local wait = 0
for i = 1, 2 do
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('PTTL', KEYS[i]), 1)
  end
end
return wait
