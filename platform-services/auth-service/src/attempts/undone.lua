-- KEYS account and address, account, address.
-- Takes back what failed.lua counted, unless its window has ended since. Always 0.
for i = 1, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or '0') > 0 then
    redis.call('DECR', KEYS[i])
  end
end
return 0
