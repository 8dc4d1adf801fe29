"""The contestants of the gateway's bench, and what puts them under load."""
