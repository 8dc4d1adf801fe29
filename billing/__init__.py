"""Customers, payments and subscriptions."""
