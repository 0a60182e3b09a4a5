"""Looks at the daemon's /metrics while a run lasts: the few figures that targets may ask for."""

import asyncio
import contextlib
import http.client
import json
import math
from typing import NamedTuple
from urllib.parse import urlsplit

from loadtest.deployment.look import Look
from loadtest.processes.metrics import Increase, Metrics
from loadtest.traffic.clock import Clock

_LOOK_S = 1.0
"""The shortest distance at which Prometheus is used; a scrape costs the daemon milliseconds."""
_TIMEOUT_S = 5.0
"""A guess: a daemon that is alive answers in a tenth."""
_BUSY = "executor_busy_seconds_total"
_MEMORY = "process_resident_memory_bytes"
_DESCRIPTORS = "process_open_fds"
_LAG = "lag_records"
_FLUSHES = "flushes_total"
_MODEL = "model_info"
# Only these lines are parsed: a whole page would take longer than requests may be late.
_OURS = tuple(f"tidemill_{name}" for name in (_BUSY, _LAG, _FLUSHES, _MODEL))
_WANTED = (*_OURS, _MEMORY, _DESCRIPTORS)
_ABOUT = ("version", "role", "process", "group", "configuration")


class Identity(NamedTuple):
    """What serves, as far as it says: labels of its models, and what its status page tells."""

    models: list[dict[str, str]]
    about: dict[str, str]


class MetricsMissing(Exception):
    """The metrics cannot be had; the message says why."""


class Scraper:
    """Scrapes one URL."""

    def __init__(self, url: str) -> None:
        """`url`: such as http://127.0.0.1:9464/metrics; raises ValueError for anything else."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url} is no http:// address")
        self._host, self._port = parts.hostname, parts.port or 80
        self._path = parts.path or "/metrics"
        self.looks: list[Look] = []
        self._busy_s, self._flushes = Increase(_BUSY), Increase(_FLUSHES)

    async def run(self, clock: Clock) -> None:
        """Look every second until cancelled; a look that fails is left out."""
        while True:
            with contextlib.suppress(MetricsMissing):  # whoever judges sees the gap
                await self.look(clock)
            await asyncio.sleep(_LOOK_S)

    async def look(self, clock: Clock) -> None:
        """Look once; raises MetricsMissing."""
        text = await asyncio.to_thread(self._get)
        self.looks.append(self._seen(Metrics(_only_wanted(text)), clock.now_s()))

    def _seen(self, metrics: Metrics, now_s: float) -> Look:
        self._busy_s.saw(metrics)
        self._flushes.saw(metrics)
        # A counter is not there before it first counts, the model is.
        executors = metrics.workers(_BUSY) | metrics.workers(_MODEL)
        busy_s = self._busy_s.total()
        return Look(
            now_s,
            0.0 if executors and math.isnan(busy_s) else busy_s,
            metrics.known(_MEMORY),
            metrics.known(_DESCRIPTORS),
            metrics.of_group(_LAG),
            self._flushes.by("lane", "cause"),
            len(executors),
        )

    async def identity(self) -> Identity:
        """Return what serves; what cannot be had is left out."""
        try:
            text = await asyncio.to_thread(self._get)
        except MetricsMissing:
            return Identity([], {})
        return Identity(
            Metrics(_only_wanted(text)).labels(_MODEL), await asyncio.to_thread(self._about)
        )

    def _about(self) -> dict[str, str]:
        """Return what the status page says; not every process has one."""
        try:
            about = json.loads(self._get("/status.json"))["about"]
            return {name: str(about[name]) for name in _ABOUT if about.get(name)}
        except (MetricsMissing, ValueError, LookupError, TypeError, AttributeError):
            return {}

    def _get(self, path: str = "") -> str:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", path or self._path)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise MetricsMissing(f"{self._host}:{self._port} does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise MetricsMissing(f"{self._host}:{self._port} answered {answer.status}")
        return text


def _only_wanted(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if line.startswith(_WANTED))
