"""The smoke test: one person's way through the whole system, hop by hop."""
