-- Notes what is revoked, and forgets what no longer needs to be.
-- KEYS: what is revoked, until when each; since when tokens of a user are good; what is
-- revoked in the order in which it became so. ARGV: for each a member, the moment until
-- which, and the moment since which tokens are good or nothing.
-- Answers how many of them are news. A moment is never moved to an earlier one.

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now / 1000000)) do
    redis.call('ZREM', KEYS[1], gone)
    redis.call('HDEL', KEYS[2], gone)
    redis.call('ZREM', KEYS[3], gone)
end

-- News are numbered by the clock, so that an emptied server's are above all before.
local latest = tonumber(redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]) or 0
local number = math.max(now, latest + 1)
local news = 0

for index = 1, #ARGV, 3 do
    local member = ARGV[index]
    local until_ = tonumber(ARGV[index + 1])
    local since = tonumber(ARGV[index + 2]) or 0
    local known = tonumber(redis.call('ZSCORE', KEYS[1], member) or -1)
    local known_since = tonumber(redis.call('HGET', KEYS[2], member) or 0)
    if until_ > now / 1000000 and (until_ > known or since > known_since) then
        redis.call('ZADD', KEYS[1], string.format('%.17g', math.max(until_, known)), member)
        if since > known_since then
            redis.call('HSET', KEYS[2], member, string.format('%.17g', since))
        end
        redis.call('ZADD', KEYS[3], string.format('%.0f', number), member)
        number = number + 1
        news = news + 1
    end
end
return news
