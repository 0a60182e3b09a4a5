"""A day, computed on what was measured. Pure but for reading its hours.

- `by_clock.py`: one by one, and in batches by the clock
- `by_load.py`: under a supervisor: a worker while there is work
- `comparison.py`: one day in four ways
- `day.py`: waits, and the time for which a machine was up
- `hours.py`: how many requests come in each hour
"""
