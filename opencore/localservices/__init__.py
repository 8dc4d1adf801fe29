"""PostgreSQL, Redis and Kafka of a checkout: the real ones, private, from packages."""
