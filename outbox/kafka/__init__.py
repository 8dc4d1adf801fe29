"""All that OpenCore knows of Kafka."""
