"""The event loop, and what a task waits for on it.

- `cancellable.py`: work that is given up when the process is told to stop before it is done
- `event_loop.py`: the event loop that long-lived processes run on
- `pieces.py`: what is long, in pieces between which the loop does everything else
- `tasks.py`: the one owner of side tasks: one that ends unexpectedly ends the worker, with its reason
- `ticks.py`: periods that end together, so that a process that idles is woken up less often
- `trouble.py`: what is waited for because it may pass by itself
- `wakeup.py`: a wait that ends when somebody rings or when a time comes, whichever is first
"""
