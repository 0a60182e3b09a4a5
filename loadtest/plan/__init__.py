"""What will be sent, made before the run: times, bodies, right answers. Pure but for
reading them.

- `bodies.py`: what requests carry: read from files or made up by signature
- `golden.py`: the right answers to bodies, and how close a reply must be
- `plan.py`: the whole load of a run, as streams; its digest
"""
