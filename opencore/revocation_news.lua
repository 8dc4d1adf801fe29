-- Answers {number of the latest news, then a member, until when and, of a user, since
-- when tokens are good, for each that became revoked after the number in ARGV}.

local news = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[1], '+inf', 'WITHSCORES')
local answer = {ARGV[1]}
for index = 1, #news, 2 do
    local member = news[index]
    answer[1] = news[index + 1]
    answer[#answer + 1] = member
    answer[#answer + 1] = redis.call('ZSCORE', KEYS[1], member) or ''
    answer[#answer + 1] = redis.call('HGET', KEYS[2], member) or ''
end
return answer
