"""When lanes open that open by the clock, and when they shut again. Pure.

- `bringing_forward.py`: when this worker brings the opening of a lane forward, for what it knows of
  the lane's partitions
- `cron.py`: the moments that one cron expression names in one time zone
- `moments.py`: which opening moments of a lane have come since somebody last looked at the clock
- `outlook.py`: what is to come of a lane's moments: the next ones, and how far apart they are
- `ready_by.py`: when a lane opens so that what waits is answered by a time
- `schedule.py`: the opening moments of a lane: the union of its expressions, and the last moments for
  what is to be ready by a time
- `window.py`: when a lane that opens by the clock is open in this worker
"""
