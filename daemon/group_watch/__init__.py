"""The group, looked at from outside again and again: what a scaler does, and a supervisor too.

- `group_watch.py`: looks, decides, and says in the log what changed
- `model_files.py`: which model files the workers serve, as one fingerprint, where they can be read
- `scaler_process.py`: the life of `tidemill scaler`: it tells the number to who asks
"""
