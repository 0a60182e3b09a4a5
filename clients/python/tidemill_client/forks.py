"""How often this process was forked from another one: what was opened before cannot be used after it."""

import os

count = 0
"""Changes in each process that is forked. Asked for at each question, where getpid is a system call."""


def _forked() -> None:
    global count  # noqa: PLW0603 - a process is the one thing there is one of
    count += 1


os.register_at_fork(after_in_child=_forked)
