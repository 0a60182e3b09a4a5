"""The whole load of a run, made before it begins: times, bodies, a digest."""

import hashlib
import zlib
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loadtest.plan.bodies import BodyKind, Numbers, Stock, read
from loadtest.scenario.arrivals import SHAPES, BadTrace
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Scenario, Traffic
from loadtest.scenario.rates import Times
from loadtest.wire import REPLY_TO, TIMEOUT_MS, Header

Flags: TypeAlias = npt.NDArray[np.bool_]

# A closed loop goes through as many bodies, then begins again.
_CLOSED_CHOICES = 65_536


class Loop(NamedTuple):
    """A closed loop: so many requests wait at any time, from one time of the run to another."""

    in_flight: int
    from_s: float
    to_s: float


class Stream(NamedTuple):
    """The requests of one class.

    `times_s`: when they are meant to leave after the start of the run, ascending; empty for a
    closed loop, whose requests leave when others are answered. `choices`: which body each carries;
    a closed loop goes round. `bad`: which are cut short, so that they must be refused. `is_paced`:
    whether they have times of their own; a backlog's have not.
    """

    name: str
    topic: str
    times_s: Times
    choices: Numbers
    bad: Flags
    stock: Stock
    headers: tuple[Header, ...] = ()
    loop: Loop | None = None
    is_paced: bool = True

    @property
    def end_s(self) -> float:
        """When its last request is meant to leave; 0 without any."""
        if self.loop is not None:
            return self.loop.to_s
        return float(self.times_s[-1]) if len(self.times_s) else 0.0


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
    return of_streams(streams)


def of_streams(streams: Sequence[Stream]) -> Plan:
    """Return the plan of streams that no scenario says."""
    return Plan(list(streams), _digest(streams))


def stream(name: str, topic: str, times_s: Times, kind: BodyKind) -> Stream:
    """Return a stream whose requests carry the bodies of `kind`, one after the other, round and round."""
    count = len(times_s)
    choices = (np.arange(count) % len(kind.values)).astype(np.int32)
    return Stream(name, topic, times_s, choices, np.zeros(count, np.bool_), Stock([kind]))


def only_capacity(scenario: Scenario) -> Plan | None:
    """Return the closed loop that measures the capacity; None when no rate needs it."""
    if scenario.capacity is None:
        return None
    closed = {
        **dict.fromkeys(SHAPES),
        "in_flight": scenario.capacity.in_flight,
        "duration": scenario.capacity.duration,
        "start": 0.0,
        "bad": 0.0,
        "timeout": None,
    }
    traffic = scenario.classes[scenario.capacity.traffic].model_copy(update=closed)
    streams = [_stream("capacity", traffic, scenario.seed, None)]
    return of_streams(streams)


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
        traffic.topic,
        times_s,
        stock.choices(count, choice_random),
        bad_random.random(count) < traffic.bad,
        stock,
        _headers(traffic),
        _loop(traffic),
        traffic.shape.is_paced,
    )


def _loop(traffic: Traffic) -> Loop | None:
    if traffic.in_flight is None:
        return None
    return Loop(traffic.in_flight, traffic.start, traffic.start + (traffic.duration or 0.0))


def _times(traffic: Traffic, seed: int, capacity_per_s: float | None) -> Times:
    try:
        return traffic.times_s(seed, capacity_per_s)
    except BadTrace as error:
        raise BadScenario(str(error)) from error


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
        in_flight = stream.loop and stream.loop.in_flight
        told = (stream.name, stream.topic, in_flight, stream.end_s)
        digest.update(repr((told, stream.headers)).encode())
        for array in (stream.times_s, stream.choices, stream.bad):
            digest.update(array.tobytes())
        for headers, value in zip(stream.stock.headers, stream.stock.values, strict=True):
            digest.update(repr((headers, len(value))).encode())
            digest.update(value)
    return digest.hexdigest()[:16]
