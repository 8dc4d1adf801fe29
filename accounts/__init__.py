"""People, their sessions, their organizations, and the record of who did what."""
