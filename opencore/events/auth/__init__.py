"""Events of the auth stream."""
