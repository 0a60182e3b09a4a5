"""A real one-node Apache Kafka for the demo, the tests and the load tests, from Python alone."""
