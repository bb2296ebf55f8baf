-- journal_end(journal_key): the id of the journal's last entry; of an emptied journal the last that
-- it gave out; '' if it never had one.
local function journal_end(journal_key)
  local last = redis.call('XREVRANGE', journal_key, '+', '-', 'COUNT', 1)[1]
  if last then return last[1] end
  if redis.call('EXISTS', journal_key) == 0 then return '' end
  local info = redis.call('XINFO', 'STREAM', journal_key)
  for place = 1, #info, 2 do
    if info[place] == 'last-generated-id' and info[place + 1] ~= '0-0' then return info[place + 1] end
  end
  return ''
end

-- journal_epoch(id): the epoch of a journal id, 0 for ''.
local function journal_epoch(id)
  return tonumber(string.match(id, '^(%d+)-') or '0')
end
