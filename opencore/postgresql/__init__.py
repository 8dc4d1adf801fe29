"""Django's PostgreSQL backend with work before the commit and a deadline on answers."""
