"""The two ends of the line: the only place that speaks to the Kafka client."""
