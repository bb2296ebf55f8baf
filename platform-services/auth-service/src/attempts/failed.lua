-- KEYS account and address, account, address; ARGV a maximum for each, window_ms.
-- Counts a failure. 0, or for how many ms there are too many: then nothing is counted.
local wait = 0
for i = 1, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('PTTL', KEYS[i]), 1)
  end
end
if wait > 0 then
  return wait
end
for i = 1, #KEYS do
  if redis.call('INCR', KEYS[i]) == 1 then
    redis.call('PEXPIRE', KEYS[i], ARGV[#ARGV])
  end
end
return 0
