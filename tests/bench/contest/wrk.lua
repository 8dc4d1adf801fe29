-- Asks as one user after another, and says what came of it as JSON.
-- Argument: a file with one access token a line; an empty line asks without a token.

local requests, turn = {}, 0

function init(args)
    for token in io.lines(args[1]) do
        local headers = { ["Host"] = wrk.host .. ":" .. wrk.port }
        if token ~= "" then
            headers["Authorization"] = "Bearer " .. token
        end
        requests[#requests + 1] = wrk.format("GET", wrk.path, headers)
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f,'
            .. ' "refused": %d, "broken": %d}\n',
        summary.requests, summary.duration / 1e6,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
