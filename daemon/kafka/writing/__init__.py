"""Records into Kafka: producers that are replaced instead of repaired.

- `load.py`: records on their way to one partition: the next batch of them, and what was refused of
  them
- `partition_counts.py`: how many partitions reply topics have, remembered for a while, absence
  too
- `plain_producer.py`: one without idempotence, connected for as long as somebody sends by hand
- `produce_request.py`: a request to produce as it goes over the wire, its batches joined once
- `producer.py`: one idempotent producer after the other: what cannot go on is replaced, not
  repaired
- `producers.py`: the producer of the moment, and its successor made in the background
- `publisher.py`: publishing many requests by hand: whole batches to named partitions
- `record_batch.py`: a batch of records for one partition, as the client sends it
- `record_encoding.py`: records as they lie in Kafka's log: one alone, or a run of them by columns
- `refusals.py`: what it means that a broker refuses a batch: the one table of it
- `replay.py`: sending replayed requests: each to its partition, acknowledged by all replicas in sync
- `sink.py`: records to Kafka: batches with a delivery deadline of their own, each acknowledged
- `transaction.py`: one transaction: answers, and the commits that say that their requests are done,
  valid together
- `transactional_ids.py`: the ids of one worker's transactions: another one while the last
  transaction of one is held up
- `transactions.py`: one transaction after the other: what is sent within an interval, and the
  commits of it
"""
