"""The group, looked at from outside again and again: what a scaler does, and a supervisor too.

- `group_watch.py`: looks, decides, and says in the log what changed
- `scaler_process.py`: the life of `tidemill scaler`: it tells the number to who asks
"""
