"""A day, computed on what was measured. Pure but for reading its hours.

- `by_clock.py`: one by one, and in batches by the clock
- `by_load.py`: under a supervisor: a worker while there is work
- `by_opening.py`: under a supervisor: a worker for each opening of a lane by the clock
- `comparison.py`: one day in four ways
- `compression.py`: how many times as fast hours are replayed, and what a document is then
- `day.py`: waits, and the time for which a machine was up
- `hours.py`: how many requests come in each hour
"""
