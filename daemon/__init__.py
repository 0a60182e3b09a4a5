"""The line: a request travels its files from source to outbox and back to Kafka."""
