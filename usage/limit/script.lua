-- All that the limiter asks of Redis, in one call: settlements that waited, leases to renew,
-- and then an order, or none. What it counts is what memory.go counts; state.go decides alike.
--
-- For a scope there are
--   :r, :t                a hash for requests, one for tokens: second -> what was counted in it,
--                         at: the last of them, and sum: of the SPAN that end with it
--   :o                    open requests by the end of their lease (milliseconds), each
--                         named <id>:<micros held>:<day>; only where those are counted
--   :d:<day>, :m:<month>  a hash: spent and held micros, and seeded: when the ledger was asked

local floor = math.floor
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + floor(tonumber(clock[2]) / 1000)
local second = floor(now / 1000)
local today = floor(now / 86400000)

local SPAN = 61                -- seconds that 60 s may touch; the oldest counts whole
local WINDOW = 65000           -- the span and some
local DAY = 3 * 86400000       -- a day, and the requests that it began
local MONTH = 40 * 86400000    -- a month, likewise; open requests are never forgotten before it
local SURE = 1000              -- the ledger has what was settled so long ago

local keyAt, argAt = 0, 0
local function key()
  keyAt = keyAt + 1
  return KEYS[keyAt]
end
local function str()
  argAt = argAt + 1
  return ARGV[argAt]
end
local function num() return tonumber(str()) end
local function int(v) return v and tonumber(v) or 0 end

-- monthOf names the month of a day since 1970, as in 202611 (Howard Hinnant, "chrono-Compatible
-- Low-Level Date Algorithms", civil_from_days).
local function monthOf(day)
  local z = day + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local m = mp < 10 and mp + 3 or mp - 9
  return (yoe + era * 400 + (m <= 2 and 1 or 0)) * 100 + m
end

-- purses are the two budgets of a day.
local function purses(base, day)
  local month = monthOf(day)
  return {
    {key = base .. ':d:' .. day, label = day, ttl = DAY},
    {key = base .. ':m:' .. month, label = month, ttl = MONTH},
  }
end

-- release gives back what an open request held.
local function release(base, member)
  local micros, day = string.match(member, ':(%d+):(%d+)$')
  if int(micros) == 0 then return end
  for _, p in ipairs(purses(base, int(day))) do
    if redis.call('EXISTS', p.key) == 1 and redis.call('HINCRBY', p.key, 'held', '-' .. micros) < 0 then
      redis.call('HSET', p.key, 'held', 0)
    end
  end
end

-- lapse closes what nobody renewed.
local function lapse(base)
  local dead = redis.call('ZRANGEBYSCORE', base .. ':o', '-inf', now)
  for _, member in ipairs(dead) do
    redis.call('ZREM', base .. ':o', member)
    release(base, member)
  end
end

-- counts :: second -> what was counted in it
local function counts(k)
  local flat, all = redis.call('HGETALL', k), {}
  for i = 1, #flat, 2 do
    local of = tonumber(flat[i])
    if of then all[of] = tonumber(flat[i + 1]) end
  end
  return all
end

-- renew makes the current second a window's last, and returns the new sum.
local function renew(k)
  local gone, sum = {}, 0
  for of, n in pairs(counts(k)) do
    if of > second - SPAN then sum = sum + n else gone[#gone + 1] = of end
  end
  if #gone > 0 then redis.call('HDEL', k, unpack(gone)) end
  redis.call('HSET', k, 'at', second, 'sum', sum)
  redis.call('PEXPIRE', k, WINDOW)
  return sum
end

-- window is what counts now. All seconds are read when a new one begins, else their sum. A
-- clock that goes back changes nothing; what it counted while it was far ahead ends with the key.
local windows = {}
local function window(k)
  local w = windows[k]
  if w then return w end
  local h = redis.call('HMGET', k, 'at', 'sum')
  w = {key = k, at = int(h[1]), sum = int(h[2])}
  if w.at < second then w.at, w.sum = second, renew(k) end
  windows[k] = w
  return w
end

-- add counts in a second, and not below 0.
local function add(w, of, n)
  local count = redis.call('HINCRBY', w.key, of, n)
  if count < 0 then
    redis.call('HSET', w.key, of, 0)
    n = n - count
  end
  w.sum = redis.call('HINCRBY', w.key, 'sum', n)
end

-- leaves is the time until a second is forgotten.
local function leaves(w, of) return (of + SPAN) * 1000 - math.max(now, w.at * 1000) end

-- wait is the time until there is room in a window, if there ever is.
local function wait(w, max, more)
  if more > max then return 0 end
  local all, left = counts(w.key), w.sum
  for of = w.at - SPAN + 1, w.at do
    left = left - (all[of] or 0)
    if left + more <= max then return leaves(w, of) end
  end
  return leaves(w, w.at)
end

-- reset is the time until nothing is used. All seconds are read unless it is known that the
-- last one has something.
local function reset(w, last)
  if last then return leaves(w, w.at) end
  if w.sum == 0 then return 0 end
  local all = counts(w.key)
  for of = w.at, w.at - SPAN + 1, -1 do
    if int(all[of]) > 0 then return leaves(w, of) end
  end
  return 0
end

-- grow adds to a purse. One of its two sums begins: so does the time that it is kept.
local function grow(p, field, micros)
  if redis.call('HINCRBY', p.key, field, micros) == micros then redis.call('PEXPIRE', p.key, p.ttl) end
end

local function correct(base, of, n)
  local w = window(base .. ':t')
  if of <= w.at - SPAN then
    of, n = w.at, math.max(n, 0)
  end
  add(w, math.min(of, w.at), n)
end

-- pay adds to what was spent on a day. What was settled before the ledger was asked is in its
-- answer already: that is so after Redis lost its data.
local function pay(base, day, micros, age)
  for _, p in ipairs(purses(base, day)) do
    local seeded = redis.call('HGET', p.key, 'seeded')
    if not seeded or now - age > tonumber(seeded) - SURE then
      grow(p, 'spent', micros)
    end
  end
end

local function settle(fresh)
  local base, member, of, n, day, micros, age = key(), str(), num(), num(), num(), num(), num()
  if not fresh then return end
  if member ~= '' and redis.call('ZREM', base .. ':o', member) == 1 then release(base, member) end
  if n ~= 0 then correct(base, of, n) end
  if micros ~= 0 then pay(base, day, micros, age) end
end

-- A batch whose answer was lost comes again: it counts once.
local sent = key()
local lease = num()
local batch = str()
local fresh = true
if batch ~= '' then
  fresh = redis.call('HSETNX', sent, batch, 1) == 1
  redis.call('PEXPIRE', sent, DAY)
end
for _ = 1, num() do redis.call('HDEL', sent, str()) end
for _ = 1, num() do settle(fresh) end
for _ = 1, num() do redis.call('ZADD', key() .. ':o', 'XX', now + lease, str()) end

-- The order.
local count = num()
local reply = {now, 0, 0, 0, 0}
if count == 0 then return reply end
local id = str()
local asked = {1, num(), 1, num()}
local missing = {}

-- seeded reads a purse. One whose beginning is not known goes on from a seed, or is missing. So
-- does one that may lack something (ledger is 2).
local function seeded(p, place, max, ledger, label, seed)
  local h = redis.call('HMGET', p.key, 'spent', 'held', 'seeded')
  p.spent, p.held = int(h[1]), int(h[2])
  if max == 0 or ledger == 0 or h[3] and ledger == 1 then return end
  if label ~= p.label then
    missing[#missing + 1] = place
  elseif seed >= 0 then
    p.spent = math.max(p.spent, seed)
    redis.call('HSET', p.key, 'spent', p.spent, 'seeded', now)
    redis.call('PEXPIRE', p.key, p.ttl)
  end
end

local function read(i)
  local base = key()
  local s = {base = base, open = 0, max = {num(), num(), num(), num(), num()}}
  local ledger, seeds = num(), {{num(), num()}, {num(), num()}}
  s.rates = {s.max[1] > 0 and window(base .. ':r'), s.max[2] > 0 and window(base .. ':t')}
  s.purses = {{spent = 0, held = 0}, {spent = 0, held = 0}}
  s.budgeted = s.max[4] > 0 or s.max[5] > 0
  if s.max[3] > 0 or s.budgeted then
    lapse(base)
    s.open = redis.call('ZCARD', base .. ':o')
  end
  if s.budgeted then
    s.purses = purses(base, today)
    for j, p in ipairs(s.purses) do
      seeded(p, (i - 1) * 2 + j - 1, s.max[3 + j], ledger, seeds[j][1], seeds[j][2])
    end
  end
  return s
end

local function admits(s, l)
  local max = s.max[l]
  if max == 0 then return true end
  if l < 3 then return s.rates[l].sum + asked[l] <= max end
  if l == 3 then return s.open < max end
  local p = s.purses[l - 3]
  if asked[4] == 0 then return true end
  if p.held == 0 then return p.spent < max end
  return p.spent + p.held + asked[4] <= max
end

local function reserve(s)
  for l, w in ipairs(s.rates) do
    if w and asked[l] > 0 then add(w, w.at, asked[l]) end
  end
  local held = s.budgeted and asked[4] or 0
  if held > 0 then
    for _, p in ipairs(s.purses) do
      p.held = p.held + held
      grow(p, 'held', held)
    end
  end
  if s.max[3] == 0 and held == 0 then return end
  s.open = s.open + 1
  redis.call('ZADD', s.base .. ':o', now + lease, id .. ':' .. string.format('%.0f', held) .. ':' .. today)
  redis.call('PEXPIRE', s.base .. ':o', MONTH)
end

local scopes = {}
for i = 1, count do scopes[i] = read(i) end

local function refused()
  for _, range in ipairs({{1, 3}, {4, 5}}) do
    for i, s in ipairs(scopes) do
      for l = range[1], range[2] do
        if not admits(s, l) then return i, l end
      end
    end
  end
end

local reserved = false
if #missing == 0 and id ~= '' then
  local i, l = refused()
  if i then
    reply[2], reply[3] = i, l
    if l < 3 then reply[4] = wait(scopes[i].rates[l], scopes[i].max[l], asked[l]) end
  else
    for _, s in ipairs(scopes) do reserve(s) end
    reserved = true
  end
end

-- rate is what a window has, and until when; that is of no use to one that is refused.
local function rate(w, l)
  if not w then return 0, 0 end
  if reply[2] > 0 then return w.sum, 0 end
  return w.sum, reset(w, reserved and asked[l] > 0)
end

for _, s in ipairs(scopes) do
  local r, rEnd = rate(s.rates[1], 1)
  local t, tEnd = rate(s.rates[2], 2)
  for _, n in ipairs({r, rEnd, t, tEnd, s.open, s.purses[1].spent, s.purses[1].held, s.purses[2].spent, s.purses[2].held}) do
    reply[#reply + 1] = n
  end
end
reply[5] = #missing
for _, place in ipairs(missing) do reply[#reply + 1] = place end
return reply
