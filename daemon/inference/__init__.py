"""The model in its thread, and what happens when a batch fails.

- `batches.py`: what goes to a model and what comes back, batch by batch
- `bisection.py`: finds the requests that make a batch fail
- `executor.py`: the thread that runs the model, or the two where two batches run at once
- `models.py`: the models a worker serves: loaded and warm before the group is joined, replaced by
  a reload
- `reloading.py`: what SIGHUP does: the models as settings and files have them now take over
  between two batches
- `runner.py`: where each batch runs: in the model's thread, or, when it is too short for that, on
  the loop
- `runs.py`: one run of a batch: requests in, their rows of the outputs or an error out
- `searches.py`: the searches for culprits under way, and how they share the executor with
  everything else
- `short_runs.py`: which runs are so short that the loop makes them itself
- `warm_up.py`: runs a model in each size that its batches may have, before anybody needs it
"""
