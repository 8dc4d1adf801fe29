"""The engine that carries events from a transaction to Kafka, and from Kafka to effects."""
