"""A transform in processes of its own: a call that hangs or crashes takes no thread and no worker along.

- `child.py`: what runs in such a process
- `conversion.py`: a transform that others run, called like one of this process
- `frames.py`: what the two processes say to each other, as bytes
- `pool.py`: so many processes of one transform; who ends is replaced
- `process.py`: one of them, seen from the worker
"""

from runtime.processes.child import Load
from runtime.processes.conversion import ProcessConversion

__all__ = ["Load", "ProcessConversion"]
