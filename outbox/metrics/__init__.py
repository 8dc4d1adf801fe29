"""What `/metrics` says of the outbox: the names, and where the values come from."""
