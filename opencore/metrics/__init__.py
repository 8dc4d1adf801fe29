"""What `/metrics` says: the page, who has something to say on it, and what counts."""
