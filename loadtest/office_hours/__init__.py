"""A day of requests by the hour: what it costs one by one, and in batches while a machine sleeps.

- `by_clock.py`: one by one on a machine that is always up, and in batches by the clock
- `by_load.py`: a day under `tidemill supervise`: a worker while there is work, none when idle
- `comparison.py`: one day in four ways
- `day.py`: a day as it was served: waits, and the time for which a machine was up
- `document.py`: a day as JSON
- `documents.py`: documents to send: this machine's files, as the demo takes them
- `hours.py`: how many requests come in each hour of a day, and when
- `measuring.py`: what serving takes, measured on a live daemon: run time against rows, starts, whole turns
- `replay.py`: a compressed day before a live `tidemill supervise`, and the same day computed
- `terminal.py`: what the terminal shows of a day
- `turn.py`: a worker's life, timed: until it serves, and one whole turn of `run --until-caught-up`
"""
