"""The two ends of the line: the only place that speaks to the Kafka client.

- `bootstrap.py`: brokers found again by way of the bootstrap servers, by every client of this
  process
- `broker_clock.py`: how far this host's clock is ahead of the broker's
- `client.py`: how a broker is reached: addresses, TLS, SASL, and what a refusal means for the
  process
- `closing.py`: clients and connections that are gone when they are closed, whether or not the
  broker says goodbye
- `connecting.py`: the first contact: a consumer that is connected, and topics that exist
- `credentials.py`: what proves who this client is, and whom it trusts: read from files, again for
  each connection
- `delivery.py`: what is promised of answers and commits: at least once, or exactly once
- `fetching.py`: what comes next of the partitions of this worker: waited for, and taken as far as is
  allowed
- `guards.py`: what aiokafka 0.14.0 gets wrong and this worker cannot live with, put right from
  outside
- `offset_requests.py`: requests about a group's offsets that the client library lacks, on its own
  protocol types
- `packed_rows.py`: rows of numbers in requests and answers, packed and unpacked as a whole
- `reason.py`: why a broker could not be had, as people read it
- `silent_brokers.py`: brokers that take connections and answer nothing: found out in seconds, and
  gone around
- `source.py`: requests from Kafka: fetched, entered in ledgers, given up in rebalances, committed
- `topic_ids.py`: which topic stands behind a name, the id that Kafka gives each topic when it is
  made, and who may use it
- `topics.py`: what the cluster says of topics, by a request that never asks it to create them
"""
