"""Accounts' endpoints, by what they are about."""
