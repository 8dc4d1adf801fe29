"""The engine: carries events from a transaction to Kafka, and on to their effects."""
