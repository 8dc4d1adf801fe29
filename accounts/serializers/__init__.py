"""The shapes of what accounts is asked and what it answers."""
