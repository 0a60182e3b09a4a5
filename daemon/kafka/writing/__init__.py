"""Records into Kafka: producers that are replaced instead of repaired.

- `partition_counts.py`: how many partitions reply topics have, remembered for a while, absence
  too
- `producer.py`: one idempotent producer after the other: what cannot go on is replaced, not
  repaired
- `producers.py`: the producer of the moment, and its successor made in the background
- `replay.py`: sending records again: each to its partition, acknowledged by all replicas in sync
- `sink.py`: records to Kafka: batches with a delivery deadline of their own, each acknowledged
"""
