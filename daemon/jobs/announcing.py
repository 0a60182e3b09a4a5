"""Saying in the topic of jobs how one stands: when somebody begins to see to it, and when it is over.

Each is a CloudEvent with the job's id as the key: of a compacted topic the last of each job is left.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from daemon.jobs.inputs import JSON
from daemon.kafka.writing.publisher import NotTaken, Publisher
from daemon.values.messages import Header
from daemon.wire.cloud_events import ID, JOB_TYPE, SUBJECT, attributes
from daemon.wire.headers import CONTENT_TYPE

_AGAIN_S = 1.0


class Announcing:
    """Tells one topic of a job in its folder."""

    def __init__(
        self,
        publisher: Publisher,
        topic: str,
        *,
        group: str,
        folder: Path,
        told: Callable[[str], None],
    ) -> None:
        """`told` hears of trouble."""
        self._publisher = publisher
        self._topic = topic
        self._group = group
        self._where = {"host": socket.gethostname(), "folder": str(folder.absolute())}
        self._told = told

    async def say(self, summary: Mapping[str, Any]) -> None:
        """Return once the broker has it; perhaps more than once, as the same event. Raises Fatal."""
        body = msgspec.json.encode({**summary, **self._where})
        headers = event_headers(self._group, summary)
        while True:
            try:
                await self._publisher.post(self._topic, summary["job_id"].encode(), body, headers)
            except NotTaken as trouble:
                self._told(f"{self._topic} takes nothing at the moment: {trouble}")
                await asyncio.sleep(_AGAIN_S)
            else:
                return


def event_headers(group: str, summary: Mapping[str, Any]) -> list[Header]:
    """Return what makes an event of a summary; the same as long as the job stands like this."""
    job_id, state = summary["job_id"], summary["state"]
    ended = summary["items"] - summary["left"]
    return [
        *attributes(group, summary["lane"], f"{JOB_TYPE}{state}".encode()),
        (ID, f"{job_id}/{state}/{ended}".encode()),
        (SUBJECT, job_id.encode()),
        (CONTENT_TYPE, JSON.encode()),
    ]
