"""Events of the user stream."""
