"""What the status page shows: what an operator wants to know, from metric samples alone. Pure.

- `adherence.py`: how the last windows of lanes that open by the clock went
- `backlog.py`: does a lane fall behind?
- `document.py`: the page's document: everything it shows, as JSON has it
- `inputs.py`: what the page is told besides metric samples
- `job_rows.py`: jobs under way as the page shows them
- `lane_rows.py`: the lanes as the page shows them
- `openings.py`: when lanes open that open by the clock, what waits for it, and how it went before
- `trends.py`: how rate and lag went in the last minutes, a point each few seconds
- `verdict.py`: is all well? One line that says it, and what else an operator should know
- `waits.py`: whether batches pay, and what a lane may have to wait for another's run
- `window.py`: the last minute, out of metric samples taken now and then
- `words.py`: numbers as the verdict says them
"""

from daemon.telemetry.status.inputs import About, WorkerSeen

__all__ = ["About", "WorkerSeen"]
