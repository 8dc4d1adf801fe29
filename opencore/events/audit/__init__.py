"""Events of the audit stream."""
