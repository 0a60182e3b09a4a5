"""Files become requests on two lanes, each with the time it is meant to be sent. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from loadtest.scenario.arrivals import poisson
from loadtest.scenario.rates import Times
from loadtest.wire import Outgoing


class Traffic(NamedTuple):
    """Requests in the order of their times (seconds after the start), and the file behind each."""

    requests: list[Outgoing]
    times_s: Times
    files: dict[bytes, Path]


def plan(
    files: Sequence[Path], rates_per_s: Mapping[str, float], *, run: str, seed: int
) -> Traffic:
    """Return traffic that spreads `files` over topics in proportion to their rates.

    `run` begins every correlation id, so that a run never takes another one's replies for its own.
    """
    whole = sum(rates_per_s.values())
    left = list(files)
    sent: list[tuple[float, str, Path]] = []
    for number, (topic, rate_per_s) in enumerate(rates_per_s.items()):
        share = round(len(files) * rate_per_s / whole)
        ours, left = left[:share], left[share:]
        times_s = poisson(rate_per_s, len(ours), seed + number).tolist()
        sent += [(at_s, topic, file) for at_s, file in zip(times_s, ours, strict=True)]
    sent.sort()
    requests = [
        Outgoing(topic, f"{run}-{number}".encode(), file.read_bytes())
        for number, (_, topic, file) in enumerate(sent)
    ]
    files_by_id = {
        request.correlation: file for request, (_, _, file) in zip(requests, sent, strict=True)
    }
    return Traffic(requests, np.array([at_s for at_s, _, _ in sent]), files_by_id)
