"""What `/metrics` says of accounts: the names, and where the values come from."""
