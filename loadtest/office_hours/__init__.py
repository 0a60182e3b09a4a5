"""A day of requests by the hour: what it costs one by one, and in batches while a machine sleeps.

- `document.py`: a day as JSON
- `documents.py`: what is sent
- `measuring.py`: what serving takes, measured
- `replay.py`: a day before a live supervisor, many times as fast
- `terminal.py`: what people see of it
- `turn.py`: a worker's life, timed

`computed/` is the day itself.
"""
