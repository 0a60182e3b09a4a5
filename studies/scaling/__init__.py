"""A replay of loads against scaling rules: this project's scaler, and KEDA's rule for Kafka.

- `__main__.py`: replay all loads and write the tables of docs/scaling.md anew
- `claims.py`: what is claimed of this project's scaler beside KEDA's rule
- `fleet.py`: workers that serve partitions in micro-batches, for all rules side by side
- `keda.py`: KEDA's rule for Kafka, through Kubernetes' horizontal pod autoscaler
- `many.py`: many workers: whether the scaler decides as it does for few, and what that costs
- `opening.py`: when workers open a lane that is to be ready by a time, in the replay: the code that
  runs elsewhere
- `own.py`: this project's scaler in the replay: the code that runs elsewhere, its estimates
  included
- `page.py`: the tables of docs/scaling.md, made from the replay
- `patience.py`: work that can wait: loads with a long linger, and what rules make of them
- `patterns.py`: the loads that are replayed: how many records arrive at each partition in each
  step
- `ready_by.py`: work that is to be ready by a time, and what rules make of it
- `replay.py`: a load, replayed against several rules side by side
- `rules.py`: what a scaling rule sees in the replay, and what it is asked
- `site.py`: what all rules scale in a replay: a topic, and workers that serve it in micro-batches
- `waits.py`: how long records waited, by when the counts of arrivals and of answers reached them

`python -m studies.scaling` writes its tables into docs/scaling.md, `python -m studies.scaling many` one of them.
"""
