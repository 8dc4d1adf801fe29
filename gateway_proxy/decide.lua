-- Decides about one request: whether its token was revoked, and whether every bucket
-- that it is charged to holds what it costs. It takes from all of them or from none.
--
-- KEYS: what was revoked, until when each; since when tokens of a user are good; then
-- the buckets. ARGV: the cost; the members that stand for the token's session, user and
-- key; when it was issued; then for each bucket tokens per second, most tokens, and
-- 1 if it is in the shadow, where it refuses nobody.
-- Answers {1} for a revoked token, else {0, then for each bucket 1 or 0 for whether it
-- holds the cost, and the millionths of tokens that it holds now}.
--
-- A bucket is stored as the moment at which it will be full. The clock is the server's
-- own, so gateways with wrong clocks agree. A refusal writes nothing, unless the clock
-- was set back: then the bucket is empty as of now and refills from there.

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

if ARGV[2] ~= '' then
    local untils = redis.call('ZMSCORE', KEYS[1], ARGV[2], ARGV[3], ARGV[4])
    local function holds(index)
        return untils[index] and tonumber(untils[index]) * 1000000 > now
    end
    if holds(1) or holds(3) then
        return {1}
    end
    if holds(2) then
        local good_since = tonumber(redis.call('HGET', KEYS[2], ARGV[3]))
        if good_since and tonumber(ARGV[5]) < good_since then
            return {1}
        end
    end
end

local function store(key, full)
    redis.call('SET', key, string.format('%.17g', full),
        'PX', string.format('%.0f', math.ceil((full - now) / 1000) + 1000))
end

local cost = tonumber(ARGV[1])
local answer = {0}
local full_at = {}
local passes = true

for index = 1, #KEYS - 2 do
    local argument = 3 + 3 * index
    local rate = tonumber(ARGV[argument])
    local burst = tonumber(ARGV[argument + 1])
    local key = KEYS[index + 2]
    local full = math.max(now, tonumber(redis.call('GET', key) or now) or now)
    local latest = now + burst * 1000000 / rate
    if full > latest then
        if full > latest + 1000 then
            store(key, latest)
        end
        full = latest
    end
    local tokens = burst - (full - now) * rate / 1000000
    local held = tokens >= cost
    full_at[index] = held and full + cost * 1000000 / rate or false
    passes = passes and (held or ARGV[argument + 2] == '1')
    answer[2 * index] = held and 1 or 0
    answer[2 * index + 1] = tokens
end

for index = 1, #KEYS - 2 do
    if passes and cost > 0 and full_at[index] then
        store(KEYS[index + 2], full_at[index])
        answer[2 * index + 1] = answer[2 * index + 1] - cost
    end
    answer[2 * index + 1] = math.floor(answer[2 * index + 1] * 1000000)
end
return answer
