"""When lanes open that open by the clock, and when they shut again. Pure.

- `cron.py`: the moments that one cron expression names in one time zone
- `outlook.py`: what is to come of a lane's moments: the next ones, and how far apart they are
- `ready_by.py`: when a lane opens so that what waits is answered by a time
- `schedule.py`: the opening moments of a lane: the union of its expressions
- `window.py`: when a lane that opens by the clock is open in this worker
"""
