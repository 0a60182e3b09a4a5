"""The model in its thread, and what happens when a batch fails.

- `bisection.py`: run a batch; when it fails, find the requests that make it fail and answer the
  others
- `executor.py`: the one thread that runs the model
- `jobs.py`: what goes to a model and what comes back, batch by batch
- `models.py`: the models a worker serves: loaded and warm before the group is joined, replaced by
  a reload
- `reloading.py`: what SIGHUP does: the models as settings and files have them now take over
  between two batches
- `runner.py`: where each batch runs: in the model's thread, or, when it is too short for that, on
  the loop
- `short_runs.py`: which runs are so short that the loop makes them itself
"""
