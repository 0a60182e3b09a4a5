"""Saying in the topic of jobs how one stands: when somebody begins to see to it, under way, and at its end.

Each is a CloudEvent with the job's id as the key: of a compacted topic the last of each job is left. Who
waits for a job goes by the type: a beginning and what is said under way have one each, whatever the state is
by then; any other is the state of an end.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from daemon.jobs.ends import State
from daemon.jobs.inputs import JSON
from daemon.kafka.writing.publisher import NotTaken, Publisher, until_taken
from daemon.values.errors import Fatal
from daemon.values.messages import Header
from daemon.wire.cloud_events import ID, JOB_TYPE, SUBJECT, attributes
from daemon.wire.headers import CONTENT_TYPE

_PROGRESS = "progress"


class Announcing:
    """Tells one topic of a job in its folder."""

    def __init__(
        self,
        publisher: Publisher,
        topic: str | None,
        *,
        group: str,
        folder: Path,
        told: Callable[[str], None],
    ) -> None:
        """Nobody is told without a `topic`; `told` hears of trouble."""
        self._publisher = publisher
        self._topic = topic
        self._group = group
        self._where = {"host": socket.gethostname(), "folder": str(folder.absolute())}
        self._told = told
        self._said: tuple[int, int] | None = None
        self._next: Mapping[str, Any] = {}
        self._is_next = asyncio.Event()

    async def say(self, summary: Mapping[str, Any], *, begins: bool = False) -> None:
        """Say that it begins, or else how it ended; return once the broker has it. Raises Fatal.

        It may be there more than once, as the same event.
        """
        if (topic := self._topic) is not None:
            headers = event_headers(self._group, summary, begins=begins)
            await until_taken(lambda: self._post(topic, summary, headers), topic, self._told)

    def note(self, summary: Mapping[str, Any]) -> None:
        """Leave to `keep_up` how it stands under way; what it did not come to before is dropped."""
        self._next = summary
        self._is_next.set()

    async def keep_up(self) -> None:
        """Say what is noted, where its counts are other ones than those said last; to be cancelled.

        A job does not wait for this, nor end by it: what the broker does not take, the next word makes up for.
        """
        while self._topic is not None:
            await self._is_next.wait()
            self._is_next.clear()
            summary = self._next
            if _counts(summary) == self._said:
                continue
            try:
                await self._post(self._topic, summary, progress_headers(self._group, summary))
            except (NotTaken, Fatal) as trouble:
                self._told(f"{self._topic} does not hear how the job gets on: {trouble}")

    async def _post(self, topic: str, summary: Mapping[str, Any], headers: list[Header]) -> None:
        body = msgspec.json.encode({**summary, **self._where})
        await self._publisher.post(topic, summary["job_id"].encode(), body, headers)
        self._said = _counts(summary)


def event_headers(group: str, summary: Mapping[str, Any], *, begins: bool) -> list[Header]:
    """Return what makes an event of a job that begins or has ended; the same as long as it stands like this."""
    _, ended = _counts(summary)
    return _headers(group, summary, State.RUNNING if begins else summary["state"], f"{ended}")


def progress_headers(group: str, summary: Mapping[str, Any]) -> list[Header]:
    """Return what makes an event of a job under way."""
    sent, ended = _counts(summary)
    return _headers(group, summary, _PROGRESS, f"{sent}/{ended}")


def _headers(group: str, summary: Mapping[str, Any], kind: str, counts: str) -> list[Header]:
    job_id = summary["job_id"]
    return [
        *attributes(group, summary["lane"], f"{JOB_TYPE}{kind}".encode()),
        (ID, f"{job_id}/{kind}/{counts}".encode()),
        (SUBJECT, job_id.encode()),
        (CONTENT_TYPE, JSON.encode()),
    ]


def _counts(summary: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many items are sent, and how many have ended."""
    return summary["sent"], summary["items"] - summary["left"]
