"""Events of the org stream."""
