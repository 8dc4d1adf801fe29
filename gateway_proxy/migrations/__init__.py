"""None: the gateway keeps nothing in tables."""
