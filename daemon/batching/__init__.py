"""What waits for the executor, and what runs next. Pure.

- `batcher.py`: gathers requests into batches and says which runs next
- `buckets.py`: requests that wait, bucket by bucket: only those of one bucket may share a batch
- `fair_queue.py`: how lanes share what runs one thing at a time
- `fitting_rows.py`: how many rows of a model fit into memory, where a run has failed for want of
  it
- `flush_policy.py`: when and why a bucket is due: rule 2 of daemon/batching/batcher.py, what
  eager lanes do apart
- `ladder.py`: the few numbers of rows that runs of a model have where each other number costs
  extra
- `lane_queues.py`: the buckets of one lane, and which of them runs first
- `run_times.py`: how long the next run of a model is expected to take, from those before
- `slices.py`: how much of a batch runs at once, so that other lanes need not wait for all of it
- `timer_queue.py`: what comes first, of things whose times change
"""
