"""Settings: base holds everything, local relaxes, test and production tighten."""
