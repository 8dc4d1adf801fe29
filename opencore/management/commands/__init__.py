"""The commands of all apps together."""
