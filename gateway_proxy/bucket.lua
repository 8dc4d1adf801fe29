-- Takes one token from a bucket, if it holds one.
-- KEYS[1]: the bucket. ARGV: tokens per second, most tokens it can hold.
-- Answers {1 if taken else 0, what it holds now}. The clock is the server's own, so
-- gateways with wrong clocks agree. When it is set back, refilling starts from there.

local rate = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

local stored = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(stored[1]) or burst
local at = tonumber(stored[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000000)

if tokens < 1 then
    if now < at then
        redis.call('HSET', KEYS[1], 'at', string.format('%.0f', now))
    end
    return {0, string.format('%.6f', tokens)}
end

tokens = tokens - 1
redis.call('HSET', KEYS[1],
    'tokens', string.format('%.17g', tokens), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1],
    string.format('%.0f', math.ceil((burst - tokens) / rate * 1000) + 1000))
return {1, string.format('%.6f', tokens)}
