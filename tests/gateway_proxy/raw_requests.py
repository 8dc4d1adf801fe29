"""Requests that somebody may send to be taken for somebody, or something, else.

`{bearer}` is replaced by a good bearer token, so that nothing but its trick keeps one out.
"""

AUTHORIZED = "Authorization: {bearer}"
SMUGGLED = "GET /billing/smuggled HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\n\r\n"


def head(start: str, *headers: str) -> str:
    """Return a head that names a host and a person."""
    return bare(start, "Host: localhost", AUTHORIZED, *headers)


def bare(start: str, *headers: str) -> str:
    """Return a head of just these lines."""
    return "\r\n".join((start, *headers, "", ""))


def get(*headers: str, target: str = "/billing") -> str:
    """Return a request without a body, the connection's last one."""
    return head(f"GET {target} HTTP/1.1", "Connection: close", *headers)


def post(*headers: str, body: str = "") -> str:
    """Return a request with a body."""
    return head("POST /billing HTTP/1.1", *headers) + body


def chunked(body: str, *, more: str = "") -> str:
    """Return a request with a body in chunks, written as given."""
    return post("Transfer-Encoding: chunked", body=body + more)


# Two programs could disagree where such a request ends. It is refused, and whatever
# came after it on the connection is never read as a request.
FRAMES = {
    "a length, then chunks": post(
        "Content-Length: 4", "Transfer-Encoding: chunked", body="0\r\n\r\n" + SMUGGLED
    ),
    "chunks, then a length": post(
        "Transfer-Encoding: chunked", "Content-Length: 4", body="0\r\n\r\n" + SMUGGLED
    ),
    "two lengths": post(
        "Content-Length: 0", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED
    ),
    "one length twice": post("Content-Length: 0", "Content-Length: 0", body=SMUGGLED),
    "a list of lengths": post("Content-Length: 0, 0", body=SMUGGLED),
    "a length with a plus": post("Content-Length: +0", body=SMUGGLED),
    "a length below zero": post("Content-Length: -1", body=SMUGGLED),
    "a length in base 16": post("Content-Length: 0x0", body=SMUGGLED),
    "a length with a fraction": post("Content-Length: 0.0", body=SMUGGLED),
    "a length beyond all bounds": post(f"Content-Length: {'9' * 30}", body=SMUGGLED),
    "a length in other digits": post("Content-Length: \xb2", body=SMUGGLED),
    "no such encoding": post("Transfer-Encoding: xchunked", body=SMUGGLED),
    "the identity": post("Transfer-Encoding: identity", body=SMUGGLED),
    "an encoding before chunks": post(
        "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n" + SMUGGLED
    ),
    "an encoding after chunks": post(
        "Transfer-Encoding: chunked, identity", body="0\r\n\r\n" + SMUGGLED
    ),
    "chunks twice": post(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked",
        body="0\r\n\r\n" + SMUGGLED,
    ),
    "chunks and an unknown encoding": post(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: x",
        body="0\r\n\r\n" + SMUGGLED,
    ),
    "a vertical tab before chunked": post(
        "Transfer-Encoding: \x0bchunked", body="0\r\n\r\n" + SMUGGLED
    ),
    "a space before the colon": post(
        "Transfer-Encoding : chunked", body="0\r\n\r\n" + SMUGGLED
    ),
    "chunks in HTTP/1.0": head(
        "POST /billing HTTP/1.0", "Transfer-Encoding: chunked", "Connection: keep-alive"
    )
    + "0\r\n\r\n"
    + SMUGGLED,
    "a chunk's size that is none": chunked("zz\r\nabc\r\n0\r\n\r\n", more=SMUGGLED),
    "a chunk's size with a plus": chunked("+3\r\nabc\r\n0\r\n\r\n", more=SMUGGLED),
    "a chunk's size with a prefix": chunked("0x3\r\nabc\r\n0\r\n\r\n", more=SMUGGLED),
    "a chunk's size beyond all bounds": chunked(
        f"{'f' * 20}\r\nabc\r\n0\r\n\r\n", more=SMUGGLED
    ),
    "a chunk longer than it says": chunked("3\r\nabcde\r\n0\r\n\r\n", more=SMUGGLED),
    "chunks with bare line feeds": chunked("3\nabc\n0\n\n", more=SMUGGLED),
    "a line feed in a chunk's extension": chunked(
        "3;a\nb\r\nabc\r\n0\r\n\r\n", more=SMUGGLED
    ),
    "a line feed in a header": post("X-Note: a\nContent-Length: 4", body=SMUGGLED),
    "lines with bare line feeds": head("GET /billing HTTP/1.1").replace("\r\n", "\n")
    + SMUGGLED,
    "a carriage return in a header": post("X-Note: a\rContent-Length: 4") + SMUGGLED,
    "a folded header": post("X-Note: a\r\n Content-Length: 4") + SMUGGLED,
    "a folded first header": bare("GET /billing HTTP/1.1", " Host: localhost")
    + SMUGGLED,
    "a header without a colon": get("Content-Length") + SMUGGLED,
    "a header without a name": get(": 4") + SMUGGLED,
    "NUL in a header": get("X-Note: a\x00b") + SMUGGLED,
    "NUL in a name": get("X-No\x00te: a") + SMUGGLED,
    "a control character in a header": get("X-Note: a\x01b") + SMUGGLED,
    "a name with a bracket": get("X(Note): a") + SMUGGLED,
    "a name beyond ASCII": get("X-N\xf6te: a") + SMUGGLED,
    "another protocol": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no protocol": "GET /billing\r\n\r\n",
    "HTTP/1.2": head("GET /billing HTTP/1.2", "Connection: close"),
    "HTTP/2.0": head("GET /billing HTTP/2.0", "Connection: close"),
    "a tab in the first line": head("GET\t/billing HTTP/1.1"),
    "a space in the target": head("GET /billing /x HTTP/1.1"),
    "a byte beyond ASCII in the target": head("GET /billing/\xff HTTP/1.1"),
    "a method in small letters": head("get /billing HTTP/1.1", "Connection: close"),
}

# Whoever reads the path another way than the gateway would let somebody in elsewhere.
PATHS = (
    "/billing/../users",
    "/billing/%2e%2e/users",
    "/billing/.%2e/users",
    "/billing/./x",
    "/billing/..;/users",
    "/billing//x",
    "/billing%2fx",
    "/billing/%2Fx",
    "/billing/%5c..%5cx",
    "/billing\\..\\x",
    "/billing/%00",
    "/billing/%0d%0aX-User-Id:%20root",
    "/billing/%7f",
    "/billing/%252e%252e/users",
    "/billing/%c0%ae%c0%ae/users",
    "/billing/%zz",
    "/billing/#x",
    "/billing?x#y",
)
# A path of another name leads elsewhere, or nowhere, but not to this service.
OTHER_PATHS = (
    "//billing",
    "//evil.test/billing",
    "/BILLING",
    "/%62illing",
    "/billings",
)

# The request must name one host, and a path of it.
HOSTS = {
    "no host": bare("GET /billing HTTP/1.1", AUTHORIZED, "Connection: close"),
    "an empty host": bare(
        "GET /billing HTTP/1.1", "Host: ", AUTHORIZED, "Connection: close"
    ),
    "two hosts": get("Host: evil.test"),
    "one host twice": get("Host: localhost"),
    "a list of hosts": get().replace("localhost", "localhost, evil.test"),
    "a host with a path": get().replace("localhost", "localhost/evil.test"),
    "a host with a user": get().replace("localhost", "localhost@evil.test"),
    "a host with a space": get().replace("localhost", "localhost evil.test"),
    "a host with a wrong port": get().replace("localhost", "localhost:evil"),
    "a target with a host": get(target="http://evil.test/billing"),
    "a target with this host": get(target="http://localhost/billing"),
    "no path at all": head("OPTIONS * HTTP/1.1", "Connection: close"),
    "a tunnel": head("CONNECT evil.test:443 HTTP/1.1", "Connection: close"),
    "a way to trace": head("TRACE /billing HTTP/1.1", "Connection: close"),
    "an unknown method": head("BREW /billing HTTP/1.1", "Connection: close"),
}

# What a program that reads CGI names would take for another header.
NAMES = (
    "X_User_Id: root",
    "X_USER_ID: root",
    "Content_Length: 4",
    "Transfer_Encoding: chunked",
    "Script_Name: /users",
    "Path_Info: /users",
    "Authorization_: x",
)

# Only the gateway says who somebody is, and where from.
CLAIMS = (
    "X-User-Id: root",
    "x-user-id: root",
    "Connection: X-User-Id",
    "X-User-Id: root\r\nConnection: X-User-Id, close",
    "Connection: X-Forwarded-For\r\nX-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https",
    "Forwarded: for=203.0.113.9;host=evil.test;proto=https",
    "X-Real-IP: 203.0.113.9",
    "X-Original-URL: /users\r\nX-Rewrite-URL: /users",
    "Proxy-Authorization: Basic cm9vdA==",
    "Keep-Alive: timeout=600",
    "TE: trailers\r\nTrailer: X-User-Id",
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
)

WEBSOCKET = head(
    "GET /billing HTTP/1.1",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)

# What is begun and never ended.
STALLED = {
    "a head": "POST /billing HTTP/1.1\r\nHost: loc",
    "a body": post("Content-Length: 5", body="ab"),
    "a chunk": chunked("5\r\nab"),
}
