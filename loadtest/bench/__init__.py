"""`make bench`: the figures of docs/performance.md, measured from outside, through Kafka.

- `backlog.py`: a backlog, published in the producer's own batches, and somebody who answers it whole
- `breadth.py`: bench: a worker with many partitions, on a broker with many topics
- `compute.py`: bench: how much of a model that keeps the processor busy gets through
- `contestants.py`: who is measured: the daemon and the plain loop, as processes
- `delivery.py`: bench: exactly once beside at least once
- `dresses.py`: how requests are dressed: the key and the headers that they carry beside a body
- `figures.py`: what a measurement says, beside what it should say
- `fleet.py`: bench: a supervisor of many workers, and its status page
- `ground.py`: what all stand on: one broker, topics, how much is measured, turns
- `growth.py`: bench: CPU a request with the partitions and with the backlog
- `idle.py`: bench: what a warm worker without traffic costs
- `latency.py`: bench: a lane that lets requests gather, and one that waits for nobody
- `lengths.py`: bench: sentences of many lengths, each length for itself and padded to a few
- `look.py`: bench: the scaler's look at many partitions
- `memory.py`: bench: memory while replies cannot leave, and over many requests
- `open_loop.py`: requests at their own times, beside the bare hop through Kafka
- `plain_loop.py`: the contestant that many would write by hand
- `profile.py`: what a sampled daemon did, and at which station
- `raw_model.py`: ONNX Runtime alone in a loop
- `rebalance.py`: bench: a rebalance of a group of hundreds of members
- `relay.py`: bench: the way there and back, of raw rows and of JSON
- `relayed.py`: what there is to relay, in each dress: a backlog for next to no model, as raw rows or
  as JSON
- `replies.py`: all replies of a run, read back, compared by whole arrays, timed by the broker
- `report.py`: figures as a table, as JSON, on a page
- `sampled_daemon.py`: runs the daemon and notes, again and again as it takes CPU time, what it is
  doing
- `stations.py`: bench: where the CPU time of a relayed request goes, station by station, in each
  dress
- `urgent.py`: bench: an urgent lane beside a full standard lane, and what that one pays for it
- `watch.py`: a process and the replies it has given, until it has given them all
- `work.py`: what is asked and what must be answered, and the forms of bodies that say it
"""

import os

# The benches run ONNX Runtime themselves, and it would report that to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
