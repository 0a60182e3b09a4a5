"""What is measured, as its users run it: processes that leave nothing behind.

- `child.py`: a child process with a folder of its own; both end with this process
- `metrics.py`: one scrape of a daemon's /metrics, and the questions asked of it
- `scoped.py`: what runs for as long as a `with` block
- `tether.py`: the script that ends a process once its owner is gone
- `worker.py`: a daemon: its log, its health, its metrics
"""
