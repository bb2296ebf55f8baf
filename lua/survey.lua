#!lua flags=no-writes
--[[
survey: the shard and the Redis that holds it, in one moment, open or not.

USES admit journal

KEYS
  [1] hash    inv:{s}:meta
  [2] stream  inv:{s}:journal

ARGV
  [1] clock  ms, or '' for TIME

RETURNS {code, now, run id, replid, role, loading, first and last journal id or '', entries, then of
meta epoch, state, lineage, runId, replid, token, projection and projected}
  OK

WRITES  nothing
COST    O(1)
]]
local meta_key, journal_key = KEYS[1], KEYS[2]
local now = clock(ARGV[1])

local server, replication = redis.call('INFO', 'server'), redis.call('INFO', 'replication')
local persistence = redis.call('INFO', 'persistence')
local first = redis.call('XRANGE', journal_key, '-', '+', 'COUNT', 1)[1]
return {'OK', now, string.match(server, 'run_id:(%x+)'),
  string.match(replication, 'master_replid:(%x+)'), string.match(replication, 'role:(%a+)'),
  string.match(persistence, '\nloading:(%d)'), first and first[1] or '', journal_end(journal_key),
  redis.call('XLEN', journal_key), unpack(redis.call('HMGET', meta_key, 'epoch', 'state', 'lineage',
    'runId', 'replid', 'token', 'projection', 'projected'))}
