"""What a sample of the results says of the time at the daemon's stations, and of who answered. Pure."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from loadtest.traffic.records import Stages
from loadtest.wire import BATCH_ROWS, SERVED_BY, STAGES

# Enough for p99.9, and little work.
_WANTED = 100_000
# More workers with other models than a deployment has; what else is said is not kept.
_MOST_SERVERS = 20
# Ten digits and more do not fit into an int32.
_ROWS_DIGITS = 10


class StageSample:
    """Headers of every so many results, kept as they came until somebody asks."""

    def __init__(self, planned: int) -> None:
        """Begin an empty one, of a run of so many requests; more may follow in a closed loop."""
        self.stride = max(planned // _WANTED, 1)
        """Results whose number is a multiple of this are looked at."""
        self._told: list[tuple[int, bytes, bytes]] = []
        self._served_by: Counter[bytes] = Counter()

    def add(self, number: int, headers: Mapping[str, bytes]) -> None:
        """Keep what the result of a request tells, unless it is silent or the sample is large."""
        if STAGES in headers and len(self._told) < 2 * _WANTED:
            self._told.append((number, headers[STAGES], headers.get(BATCH_ROWS, b"")))
            self._count_server(headers.get(SERVED_BY))

    def stages(self) -> Stages:
        """Return what was told by now."""
        read = [
            dict(part.split(b"=") for part in text.split(b";") if b"=" in part)
            for _, text, _ in self._told
        ]
        names = dict.fromkeys(name for stations in read for name in stations)
        seconds = {
            name.decode(): np.array([_seconds(stations.get(name)) for stations in read])
            for name in names
        }
        return Stages(
            np.array([number for number, _, _ in self._told], np.int32),
            seconds,
            np.array([_rows(rows) for _, _, rows in self._told], np.int32),
            Counter({name.decode(errors="replace"): n for name, n in self._served_by.items()}),
        )

    def _count_server(self, name: bytes | None) -> None:
        if name and (name in self._served_by or len(self._served_by) < _MOST_SERVERS):
            self._served_by[name] += 1


def _seconds(microseconds: bytes | None) -> float:
    return int(microseconds) / 1e6 if microseconds and microseconds.isdigit() else math.nan


def _rows(text: bytes) -> int:
    """Return the rows that a header names; 0 for what is no number of rows."""
    return int(text) if text.isdigit() and len(text) < _ROWS_DIGITS else 0
