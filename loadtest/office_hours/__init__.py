"""A day of requests by the hour: what it costs one by one, and in batches while a machine sleeps.

- `document.py`: a day as JSON
- `documents.py`: what is sent
- `measuring.py`: what serving takes, measured
- `replay_by_clock.py`: some hours before a live supervisor, with a lane that opens by the clock
- `replay_by_load.py`: a day before a live supervisor whose workers follow the load
- `spec.py`: what the command line asks for
- `supervised.py`: what both replays offer to a supervisor, and read from it
- `terminal.py`: what people see of a day
- `terminal_replays.py`: what people see of replays
- `turn.py`: a worker's life, timed

`computed/` is the day itself.
"""
