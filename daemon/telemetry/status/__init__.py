"""The status page: what an operator wants to know, from metric samples alone.

`Status` is what a process gives to its HTTP server.
"""

from daemon.telemetry.status.pages import Status
from daemon.telemetry.status.seen import About, ScalingSeen, WorkerSeen

__all__ = ["About", "ScalingSeen", "Status", "WorkerSeen"]
