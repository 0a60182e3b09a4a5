"""The event loop, and what a task waits for on it.

- `event_loop.py`: the event loop that long-lived processes run on
- `wakeup.py`: a wait that ends when somebody rings or when a time comes, whichever is first
"""
