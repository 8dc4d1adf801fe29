-- The gateway's work in nginx: token, limits in Redis, headers; nginx forwards.

local ffi = require "ffi"
local cjson = require "cjson.safe"
local base64 = require "ngx.base64"
local redis = require "nginx.redis"

ffi.cdef [[
const void *EVP_sha384(void);
unsigned char *HMAC(const void *digest, const void *key, int key_length,
    const unsigned char *text, size_t length, unsigned char *mac, unsigned int *size);
int CRYPTO_memcmp(const void *one, const void *other, size_t length);
]]

local HOP_BY_HOP = {
    ["keep-alive"] = true, ["proxy-authenticate"] = true, ["trailer"] = true,
    ["proxy-authorization"] = true, ["te"] = true, ["upgrade"] = true,
}
local mac, size = ffi.new("unsigned char[64]"), ffi.new("unsigned int[1]")

local function refuse(status, code)
    ngx.status = status
    ngx.header["Content-Type"] = "application/problem+json"
    ngx.print(cjson.encode({ status = status, code = code }))
    return ngx.exit(status)
end

local function claims_of(settings, authorization)
    local token = authorization and authorization:match("^Bearer (.+)$")
    if not token or #token > 4096 then
        return nil
    end
    local signed, header, payload, signature =
        token:match("^(([%w_-]+)%.([%w_-]+))%.([%w_-]+)$")
    if not signed then
        return nil
    end
    local named = cjson.decode(base64.decode_base64url(header) or "")
    local given = base64.decode_base64url(signature)
    if not named or named.alg ~= "HS384" or named.kid ~= settings.kid
        or not given or #given ~= 48 then
        return nil
    end
    ffi.C.HMAC(ffi.C.EVP_sha384(), settings.key, #settings.key,
        signed, #signed, mac, size)
    if ffi.C.CRYPTO_memcmp(mac, given, 48) ~= 0 then
        return nil
    end
    local claims = cjson.decode(base64.decode_base64url(payload) or "")
    if not claims or claims.iss ~= settings.issuer or claims.typ ~= "access"
        or claims.exp <= ngx.time() then
        return nil
    end
    return claims
end

local function decide(settings, claims)
    local client = redis:new()
    client:set_timeout(2000)
    local connected = client:connect("127.0.0.1", settings.redis_port)
    if not connected then
        return nil
    end
    if settings.redis_password and client:get_reused_times() == 0 then
        client:auth(settings.redis_password)
    end
    local call = {}
    for place, written in ipairs(settings.call) do
        call[place] = written:gsub("<(%a+)>", claims)
    end
    local answer = client:evalsha(unpack(call))
    client:set_keepalive(60000, 64)
    return answer
end

local function clean()
    for name in pairs(ngx.req.get_headers(100)) do
        if HOP_BY_HOP[name] or name == "forwarded" or name:find("^x%-forwarded%-")
            or name:find("^x%-user%-") or name:find("^x%-org%-")
            or name == "x-session-id" then
            ngx.req.clear_header(name)
        end
    end
end

local function tell(policies, answer)
    local state = {}
    for place, policy in ipairs(policies) do
        local tokens = answer[2 * place + 1] / 1e6
        state[place] = string.format('"%s";r=%d;t=%d', policy.name, tokens,
            math.ceil((policy.burst - tokens) / policy.rate))
    end
    ngx.header["RateLimit"] = table.concat(state, ", ")
end

local function passes(answer)
    for place = 2, #answer, 2 do
        if answer[place] == 0 then
            return false
        end
    end
    return true
end

return function(settings)
    local fields = {}
    for place, policy in ipairs(settings.policies) do
        fields[place] = string.format('"%s";q=%d;w=%d', policy.name, policy.burst,
            math.ceil(policy.burst / policy.rate))
    end
    local written = table.concat(fields, ", ")
    return function()
        local claims = claims_of(settings, ngx.var.http_authorization)
        if not claims then
            return refuse(401, "token_invalid")
        end
        local answer = decide(settings, claims)
        if not answer then
            return refuse(503, "limits_unavailable")
        elseif answer[1] == 1 then
            return refuse(401, "token_revoked")
        end
        ngx.header["RateLimit-Policy"] = written
        tell(settings.policies, answer)
        if not passes(answer) then
            return refuse(429, "rate_limited")
        end
        clean()
        local set, var = ngx.req.set_header, ngx.var
        set("X-User-Id", claims.sub)
        set("X-User-Role", claims.role)
        set("X-Session-Id", claims.sid)
        set("X-Forwarded-For", var.remote_addr)
        set("X-Forwarded-Proto", var.scheme)
        set("X-Forwarded-Host", var.http_host)
        set("X-Request-Id", var.request_id)
    end
end
