"""Between admission and the lanes: what makes a request ready to run.

- `preparation.py`: users' transforms, in a small pool of threads so that the loop keeps its
  heartbeats
- `transforms.py`: users' transforms on the line: before the lanes, and between the model and the
  replies
"""
