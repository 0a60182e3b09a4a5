"""The one-shot run: it ends when all is answered that was there when it began.

- `eta.py`: how fast a one-shot run gets on
- `follower.py`: following the group to its target while the line works
- `one_shot.py`: a one-shot run from its target to its summary
- `progress.py`: how far a one-shot run has come: a bar on a terminal, else events in the log
- `summary.py`: what a one-shot run tells at its end, from its metrics
- `target.py`: what a one-shot run has to reach: the ends of the logs as they were when it began
"""
