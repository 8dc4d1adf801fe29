"""Events of the billing stream."""
