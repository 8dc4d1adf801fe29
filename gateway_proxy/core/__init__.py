"""The gateway itself: it knows no framework, no server and no client library."""
