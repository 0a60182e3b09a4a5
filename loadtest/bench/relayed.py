"""What there is to relay, in each dress: a backlog for next to no model, as raw rows or as JSON."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from loadtest.bench.backlog import Backlog, fill
from loadtest.bench.contestants import Contestant, one_lane
from loadtest.bench.dresses import TYPICAL, Dress, bare, full
from loadtest.bench.ground import Ground, Scale
from loadtest.bench.work import Work, decode_json, encode_json, encode_raw, work
from loadtest.deployment.perceptrons import RELAY
from loadtest.processes.worker import DAEMON
from loadtest.wire import CONTENT_TYPE

ROWS = 256
"""N."""
_LINGER = "20ms"
# Backlogs of some seconds, each in its dress.
_COUNT = 2_000_000
_TYPICAL_COUNT = 1_000_000
# Published anew for each run, since its requests name topics of replies.
_FULL_COUNT = 400_000
_QUICK_COUNT = 200_000
_REPLY_TOPICS = 2
_JSON_COUNT = 300_000
_JSON_QUICK_COUNT = 50_000
# Written as text once; so many that a reply to another request shows.
_JSON_DIFFERENT_ROWS = 20_000
_BARE = bare()
_JSON = bare((CONTENT_TYPE, b"application/json"))

Waiting: TypeAlias = Callable[[Ground, Path, Scale], Awaitable[Backlog]]
"""Publishes a backlog for the model that is stored there."""


async def relay_backlog(ground: Ground, model: Path, count: int, dress: Dress = _BARE) -> Backlog:
    """Return a backlog of `count` rows, no two of them equal."""
    asked = work(RELAY, model, count)
    topic = await fill(ground, "relay", encode_raw(asked.rows), count, dress)
    return Backlog(topic, count, asked.results, dress=dress)


async def bare_backlog(ground: Ground, model: Path, scale: Scale) -> Backlog:
    """Return rows with an id."""
    return await relay_backlog(ground, model, scale.pick(_COUNT, _QUICK_COUNT))


async def typical_backlog(ground: Ground, model: Path, scale: Scale) -> Backlog:
    """Return rows of the typical dress."""
    return await relay_backlog(ground, model, scale.pick(_TYPICAL_COUNT, _QUICK_COUNT), TYPICAL)


async def full_backlog(ground: Ground, model: Path, scale: Scale) -> Backlog:
    """Return rows of the full dress, which name topics of replies that are new: for one run."""
    topics = [await ground.topic("replies") for _ in range(_REPLY_TOPICS)]
    count = scale.pick(_FULL_COUNT, _QUICK_COUNT)
    return (await relay_backlog(ground, model, count, full(topics)))._replace(replies=topics)


async def json_backlog(ground: Ground, model: Path, scale: Scale) -> Backlog:
    """Return requests of the Open Inference Protocol."""
    asked, bodies = json_work(model)
    count = scale.pick(_JSON_COUNT, _JSON_QUICK_COUNT)
    topic = await fill(ground, "json", bodies, count, _JSON)
    return Backlog(topic, count, asked.results, decode_json, _JSON)


def json_work(model: Path) -> tuple[Work, list[bytes]]:
    """Return the rows of json_backlog(), and the bodies that ask for them."""
    asked = work(RELAY, model, _JSON_DIFFERENT_ROWS)
    return asked, encode_json(asked.rows)


DRESSED: Mapping[str, Waiting] = {
    "bare": bare_backlog,
    "typical": typical_backlog,
    "full": full_backlog,
    "JSON": json_backlog,
}
"""All of them, by the names of their dresses."""


def relaying(
    ground: Ground, model: Path, *, routed: bool = False, program: Sequence[str] = DAEMON
) -> Contestant:
    """Return the daemon as it relays; `routed`: its requests name topics of replies."""
    allow = ["replies-*"] if routed else []
    return one_lane(ground, model, max_rows=ROWS, linger=_LINGER, allow=allow, program=program)
