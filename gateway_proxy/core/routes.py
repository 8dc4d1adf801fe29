"""Which paths the gateway serves unless it is told otherwise, and where they lead."""

# What a path of the gateway has before it on the way to an upstream.
API = "/v1"
PREFIXES = ("/auth", "/users", "/orgs", "/invitations", "/billing", "/notifications")
