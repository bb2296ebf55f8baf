-- KEYS account and address, account, address; ARGV a maximum for each, window_ms.
-- Forgets the failures on the account from the address; those from elsewhere stay, or each login of
-- its owner would give who guesses from many addresses new guesses.
-- 0, or for how many ms there are too many: then all stay.
local wait = 0
for i = 1, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('PTTL', KEYS[i]), 1)
  end
end
if wait == 0 then
  redis.call('DEL', KEYS[1])
end
return wait
