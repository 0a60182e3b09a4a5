"""The whole load of a run, made before it begins: times, bodies, a digest."""

import hashlib
import zlib
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loadtest import arrivals
from loadtest.arrivals import Times
from loadtest.plan.bodies import Numbers, Stock, read
from loadtest.plan.profile import segments
from loadtest.plan.rates import due_s, requests_of
from loadtest.scenario.model import Scenario, Traffic
from loadtest.wire import REPLY_TO, TIMEOUT_MS, Header

Flags: TypeAlias = npt.NDArray[np.bool_]

# A closed loop goes through as many bodies, then begins again.
_CLOSED_CHOICES = 65_536
# Enough for a Poisson or bursty process of the wanted length, but for one run in millions.
_SPARE_DEVIATIONS = 6


class Stream(NamedTuple):
    """The requests of one class.

    `times_s`: when they are meant to leave after the start of the run, ascending; empty for a
    closed loop, whose requests leave when others are answered. `choices`: which body each carries;
    a closed loop goes round. `bad`: which are cut short, so that they must be refused.
    """

    name: str
    traffic: Traffic
    times_s: Times
    choices: Numbers
    bad: Flags
    stock: Stock
    headers: tuple[Header, ...]

    @property
    def is_closed(self) -> bool:
        """Whether it is a closed loop."""
        return self.traffic.in_flight is not None

    @property
    def is_paced(self) -> bool:
        """Whether its requests have times of their own; a backlog's do not."""
        return not self.is_closed and self.traffic.backlog is None

    @property
    def end_s(self) -> float:
        """When its last request is meant to leave."""
        if self.is_closed:
            return self.traffic.start + (self.traffic.duration or 0.0)
        return float(self.times_s[-1]) if len(self.times_s) else self.traffic.start


class Plan(NamedTuple):
    """All streams, and a digest that two runs share exactly when they offer the same load."""

    streams: list[Stream]
    digest: str

    @property
    def requests(self) -> int:
        """How many requests have times; those of closed loops come on top."""
        return sum(len(stream.times_s) for stream in self.streams)

    @property
    def end_s(self) -> float:
        """When the last request is meant to leave."""
        return max(stream.end_s for stream in self.streams)


def plan(scenario: Scenario, *, capacity_per_s: float | None = None) -> Plan:
    """Make the load of `scenario`; raises BadScenario when files are missing or wrong."""
    streams = [
        _stream(name, traffic, scenario.seed, capacity_per_s)
        for name, traffic in scenario.classes.items()
    ]
    return Plan(streams, _digest(streams))


def only_capacity(scenario: Scenario) -> Plan | None:
    """Return the closed loop that measures the capacity; None when no rate needs it."""
    if scenario.capacity is None:
        return None
    closed = {
        "in_flight": scenario.capacity.in_flight,
        "duration": scenario.capacity.duration,
        **dict.fromkeys(("rate", "ramp", "steps", "trace", "backlog", "timeout")),
        "start": 0.0,
        "bad": 0.0,
    }
    traffic = scenario.classes[scenario.capacity.traffic].model_copy(update=closed)
    streams = [_stream("capacity", traffic, scenario.seed, None)]
    return Plan(streams, _digest(streams))


def _stream(name: str, traffic: Traffic, seed: int, capacity_per_s: float | None) -> Stream:
    # By the name, so that another class beside it changes nothing.
    seeds = np.random.SeedSequence([seed, zlib.crc32(name.encode())]).spawn(4)
    times_seed, bodies_random, choice_random, bad_random = (
        int(seeds[0].generate_state(1)[0]),
        *map(np.random.default_rng, seeds[1:]),
    )
    times_s = _times(traffic, times_seed, capacity_per_s)
    stock = read(traffic.body, bodies_random)
    count = _CLOSED_CHOICES if traffic.in_flight is not None else len(times_s)
    return Stream(
        name,
        traffic,
        times_s,
        stock.choices(count, choice_random),
        bad_random.random(count) < traffic.bad,
        stock,
        _headers(traffic),
    )


def _times(traffic: Traffic, seed: int, capacity_per_s: float | None) -> Times:
    if traffic.in_flight is not None:
        return np.zeros(0)
    if traffic.backlog is not None:
        return traffic.start + arrivals.at_once(traffic.backlog)
    rates = segments(traffic, capacity_per_s)
    wanted = requests_of(rates)
    counts = _counts(traffic, wanted, seed)
    return traffic.start + due_s(counts[counts < wanted], rates)


def _counts(traffic: Traffic, wanted: float, seed: int) -> Times:
    """Return a process of rate 1 that is longer than `wanted`, or nearly always so."""
    if traffic.arrivals == "constant":
        return arrivals.constant(1.0, int(wanted) + 1)
    deviation = 1.0 if traffic.arrivals == "poisson" else traffic.burstiness
    spare = _SPARE_DEVIATIONS * deviation * (wanted**0.5 + _SPARE_DEVIATIONS * deviation)
    count = int(wanted + spare) + 1
    if traffic.arrivals == "poisson":
        return arrivals.poisson(1.0, count, seed)
    return arrivals.bursty(1.0, count, seed, burstiness=traffic.burstiness)


def _headers(traffic: Traffic) -> tuple[Header, ...]:
    headers = [(name, value.encode()) for name, value in traffic.headers.items()]
    if traffic.reply_to:
        headers.append((REPLY_TO, traffic.reply_to.encode()))
    if traffic.timeout is not None:
        headers.append((TIMEOUT_MS, b"%d" % round(traffic.timeout * 1000)))
    return tuple(headers)


def _digest(streams: Sequence[Stream]) -> str:
    digest = hashlib.sha256()
    for stream in streams:
        told = (stream.name, stream.traffic.topic, stream.traffic.in_flight, stream.end_s)
        digest.update(repr((told, stream.headers)).encode())
        for array in (stream.times_s, stream.choices, stream.bad):
            digest.update(array.tobytes())
        for headers, value in zip(stream.stock.headers, stream.stock.values, strict=True):
            digest.update(repr((headers, len(value))).encode())
            digest.update(value)
    return digest.hexdigest()[:16]
