"""The gateway: verifies tokens, limits rates, forwards to the API."""
