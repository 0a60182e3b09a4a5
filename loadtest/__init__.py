"""Measures a daemon from outside, through Kafka; also the embedded broker and the demo."""
