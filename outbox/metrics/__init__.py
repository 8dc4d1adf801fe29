"""What `/metrics` says of the outbox: the names, where values come from, the page."""
