"""The Redis scripts of the session store: each runs as one, on the keys of one session.

Keys: `s` a hash (fence, epoch, sequence, token, previous, and `p:NAME` for each part of the
memory), `l` a string `fence|owner` that lives as long as the lease, `r` a stream of results whose
entry ids are sequences. Viewers of a session get them on a channel of that name too:
`sequence:result`, and `` where it is deleted; a user who may not publish has no viewers, hence
`pcall`. A ticket is a string of its own, `t`. An outbox is a list, `ow` or `om`, with the
string `OUTBOX:c` of the server that delivers from it. A script whose write is refused has written
nothing.
"""

TAKE_TICKET = """
-- KEYS t -> caller, or nil; GETDEL would be one more command that a user may lack
local caller = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
return caller
"""

CREATE = """
-- KEYS s l r; ARGV owner token fence lease_ms ttl_ms -> 1 created, 0 another owner's
if redis.call('EXISTS', KEYS[1]) == 1 then
  local old = redis.call('HMGET', KEYS[1], 'token', 'fence')
  if old[1] ~= ARGV[2] or old[2] ~= ARGV[3] then return 0 end
else
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[1], 'fence', ARGV[3], 'epoch', 1, 'sequence', 0, 'token', ARGV[2])
end
redis.call('SET', KEYS[2], ARGV[3] .. '|' .. ARGV[1], 'PX', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""

TAKE_OVER = """
-- KEYS s l r; ARGV owner token new_token lease_ms ttl_ms -> 0, or {fence, fields}
local old = redis.call('HMGET', KEYS[1], 'token', 'previous')
if not old[1] or (ARGV[2] ~= old[1] and ARGV[2] ~= old[2]) then return 0 end
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'token', ARGV[3], 'previous', ARGV[2])
redis.call('SET', KEYS[2], fence .. '|' .. ARGV[1], 'PX', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return {fence, redis.call('HGETALL', KEYS[1])}
"""

CONFIRM_TOKEN = """
-- KEYS s; ARGV fence
if redis.call('HGET', KEYS[1], 'fence') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'previous')
end
return 1
"""

SEIZE = """
-- KEYS s l r; ARGV owner lease_ms ttl_ms -> fence, 0 where gone
if redis.call('HEXISTS', KEYS[1], 'token') == 0 then return 0 end
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('SET', KEYS[2], fence .. '|' .. ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return fence
"""

COMMIT = """
-- KEYS s r, outboxes; ARGV fence epoch base sequence whole keep_after ttl_ms num_parts num_results
-- num_removed max_deliveries deliver_ms, then field and bytes of each part, sequence and bytes of
-- each result, fields of removed parts, sequence, number of the key and bytes of each delivery
-- -> word
local stored = redis.call('HMGET', KEYS[1], 'fence', 'epoch', 'sequence')
if not stored[1] then return 'missing' end
if stored[1] ~= ARGV[1] then return 'fenced' end
-- Where they are damaged, this commit comes after them, and as a whole.
local epoch, sequence = tonumber(stored[2]) or 0, tonumber(stored[3]) or 0
local new_epoch, new_sequence = tonumber(ARGV[2]), tonumber(ARGV[4])
if new_epoch < epoch or (new_epoch == epoch and new_sequence <= sequence) then
  return 'repeated'
end
local whole = ARGV[5] == '1'
if not whole and (new_epoch ~= epoch or tonumber(ARGV[3]) ~= sequence) then
  return 'base_differs'
end
-- The first write is one that a full store refuses: after it, none of a script's is refused.
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'sequence', ARGV[4])
if whole then
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(name, 1, 2) == 'p:' then redis.call('HDEL', KEYS[1], name) end
  end
end
-- Many fields in one command: each command costs, here and in the append-only file. Lua cannot
-- pass any number of words at once.
local at, parts_end = 13, 13 + 2 * tonumber(ARGV[8])
while at < parts_end do
  local last = math.min(at + 1000, parts_end) - 1
  redis.call('HSET', KEYS[1], unpack(ARGV, at, last))
  at = last + 1
end
for _ = 1, tonumber(ARGV[9]) do
  -- A result that is there already came with a commit whose answer was lost.
  if tonumber(ARGV[at]) > sequence then
    redis.call('XADD', KEYS[2], ARGV[at] .. '-0', 'm', ARGV[at + 1])
    redis.pcall('PUBLISH', KEYS[2], ARGV[at] .. ':' .. ARGV[at + 1])
  end
  at = at + 2
end
for _ = 1, tonumber(ARGV[10]) do
  redis.call('HDEL', KEYS[1], ARGV[at])
  at = at + 1
end
-- A user who may not write lists has no deliveries, hence `pcall`.
while at < #ARGV do
  if tonumber(ARGV[at]) > sequence then
    local outbox = KEYS[tonumber(ARGV[at + 1])]
    redis.pcall('RPUSH', outbox, ARGV[at + 2])
    redis.pcall('LTRIM', outbox, -tonumber(ARGV[11]), -1)
    redis.pcall('PEXPIRE', outbox, ARGV[12])
  end
  at = at + 3
end
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', tonumber(ARGV[6]) + 1))
redis.call('PEXPIRE', KEYS[1], ARGV[7])
redis.call('PEXPIRE', KEYS[2], ARGV[7])
return 'committed'
"""

CLAIM_OUTBOX = """
-- KEYS claim; ARGV owner life_ms -> 1, 0 where another has it
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

LEAVE_OUTBOX = """
-- KEYS claim; ARGV owner
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

DELIVERED = """
-- KEYS outbox; ARGV body
if redis.call('LINDEX', KEYS[1], 0) == ARGV[1] then redis.call('LTRIM', KEYS[1], 1, -1) end
return 1
"""

RENEW = """
-- KEYS s l r; ARGV owner fence lease_ms ttl_ms -> 0 lost, else 1 (also where all is gone)
local fence = redis.call('HGET', KEYS[1], 'fence')
if not fence then return 1 end
if fence ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[2], fence .. '|' .. ARGV[1], 'PX', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 1
"""

RELEASE = """
-- KEYS s l r; ARGV fence ttl_ms
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 1
"""

DELETE = """
-- KEYS s l r; ARGV fence next_fence tombstone_ms -> 1 deleted, 0 lost or gone
local old = redis.call('HMGET', KEYS[1], 'fence', 'token')
if old[1] ~= ARGV[1] or not old[2] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.pcall('PUBLISH', KEYS[3], '')
-- The fence alone stays for a while, so that late writers are refused.
redis.call('HSET', KEYS[1], 'fence', ARGV[2], 'epoch', 1, 'sequence', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
