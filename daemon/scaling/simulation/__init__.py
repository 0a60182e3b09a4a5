"""A replay of loads against scaling rules: this project's scaler, and KEDA's rule for Kafka.

`python -m daemon.scaling.simulation` writes its table into docs/scaling.md.
"""
