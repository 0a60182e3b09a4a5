"""What a full standard lane costs an urgent one, and what it pays for being cut for its sake.

Three models: one that gains from batches, one that gains nothing, and one that is next to no work.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from aiokafka import ConsumerRecord

from loadtest.bench.backlog import publish
from loadtest.bench.contestants import LaneSetup, Topics, daemon
from loadtest.bench.dresses import bare
from loadtest.bench.figures import Section, at_least, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.open_loop import Timed, timed
from loadtest.bench.replies import read_back
from loadtest.bench.watch import Watch
from loadtest.bench.work import Work, encode_raw, open_session, work
from loadtest.deployment.perceptrons import COMPUTE, RELAY, Perceptron, write
from loadtest.processes.worker import WorkerFailed
from loadtest.scenario.arrival_processes import poisson
from loadtest.traffic.records import Account, nearest_rank
from loadtest.wire import REPLY_TO, STAGES

_DIFFERENT_ROWS = 4096
_URGENT_ROWS = 8
_URGENT_LINGER = "20ms"
_PATIENCE_MS = 20.0
_URGENT_WEIGHT = 8
_NOBODY_WAITS = "1h"
"""A patience for which nothing is cut."""
_LEAST_KEPT = 0.95
"""Of the standard lane's rate: cutting may cost 3 %, and smaller batches of the urgent lane 2 % (decision 25)."""
_FILETYPE = "models/standard_v3_3/model.onnx"
_FILETYPE_WIDTH = 2048
_FILETYPE_VALUES = 257
_FILETYPE_ROWS = 256
_SEED = 2
_RAW_S = 0.5
_MOST_PER_S = 300_000.0
"""What the way there and back takes of a model that is next to no work."""
# The standard lane must stay full as long as urgent requests are timed, their warm-up included.
_WARM_UP_S = 3.0
_SPARE = 1.5
_READY_S = 60.0
_SEEN_OF = 16
"""One in so many replies tells how long its batch ran: others of the batch say the same."""


class _Subject(NamedTuple):
    """A model, and what is asked of both lanes; `per_s` and `requests` are the urgent lane's."""

    name: str
    model: Path
    asked: Work
    max_rows: int
    per_s: float
    requests: int
    quick_requests: int


class _Seen(NamedTuple):
    """Urgent traffic, and what a standard lane that was full beside it did meanwhile."""

    urgent: Timed
    standard_per_s: float = 0.0
    run_ms: float = 0.0
    standard: Account | None = None


async def compute(ground: Ground, scale: Scale) -> Section:
    """Judge a model that gains from batches; raises WorkerFailed."""
    return await _judged(ground, scale, _perceptron(ground, COMPUTE, 64, count=1_000, quick=300))


async def filetype(ground: Ground, scale: Scale) -> Section:
    """Judge a model that gains nothing from batches; raises WorkerFailed."""
    return await _judged(ground, scale, _filetype())


async def relay(ground: Ground, scale: Scale) -> Section:
    """Judge a model that is next to no work, so that all else is; raises WorkerFailed."""
    return await _judged(ground, scale, _perceptron(ground, RELAY, 256, count=300, quick=100))


def _perceptron(
    ground: Ground, model: Perceptron, max_rows: int, *, count: int, quick: int
) -> _Subject:
    path = write(model, ground.folder)
    asked = work(model, path, _DIFFERENT_ROWS)
    return _Subject(model.name, path, asked, max_rows, 100.0, count, quick)


def _filetype() -> _Subject:
    """Return the model of examples/filetype without its transform; its inputs are int32."""
    spec = find_spec("magika")
    if spec is None or spec.origin is None:
        raise WorkerFailed("the package magika is not installed")
    path = Path(spec.origin).parent / _FILETYPE
    random = np.random.default_rng(_SEED)
    rows = random.integers(0, _FILETYPE_VALUES, (_FILETYPE_ROWS, _FILETYPE_WIDTH), np.int32)
    session = open_session(path)
    (given,) = session.get_inputs()
    results = np.concatenate([session.run(None, {given.name: row[None]})[0] for row in rows])
    return _Subject("filetype", path, Work(rows.view(np.float32), results), 64, 20.0, 300, 60)


async def _judged(ground: Ground, scale: Scale, subject: _Subject) -> Section:
    count = scale.pick(subject.requests, subject.quick_requests)
    busy_s = count / subject.per_s + _WARM_UP_S
    backlog = int(_SPARE * busy_s * _most_per_s(subject))

    def look(standard: int, patience: str = "") -> Callable[[str], Awaitable[_Seen]]:
        return lambda what: _look(ground, what, subject, count, standard, patience)

    seen = await by_turns(
        scale.repeat,
        {
            f"{subject.name} alone": look(0),
            f"{subject.name} cut": look(backlog),
            f"{subject.name} whole": look(backlog, _NOBODY_WAITS),
        },
    )
    alone, cut, whole = seen.values()
    rises_ms = [_rise_ms(*pair) for pair in zip(cut, alone, strict=True)]
    bounds_ms = [_bound_ms(*pair) for pair in zip(cut, alone, strict=True)]
    rates = [each.standard_per_s for each in cut], [each.standard_per_s for each in whole]
    return Section(
        f"Urgent: {subject.per_s:.0f}/s (N = {_URGENT_ROWS}, T = {_URGENT_LINGER}) beside a full"
        f" standard lane (N = {subject.max_rows}), {subject.name} model",
        [
            figure("p99, urgent alone", "ms", [each.urgent.reply_ms(99) for each in alone]),
            figure("p99, beside the full lane", "ms", [each.urgent.reply_ms(99) for each in cut]),
            figure("the same, nothing cut", "ms", [each.urgent.reply_ms(99) for each in whole]),
            figure("run of a standard slice, p99", "ms", [each.run_ms for each in cut]),
            figure(
                "rise of p99 / (patience + run + rise of hops)",
                "",
                ratios(rises_ms, bounds_ms),
                at_most(1.0),
            ),
            figure("standard, cut", "1/s", rates[0]),
            figure("standard, nothing cut", "1/s", rates[1]),
            figure("standard, cut / nothing cut", "", ratios(*rates), at_least(_LEAST_KEPT)),
        ],
        [account for each in (*alone, *cut, *whole) for account in _accounts(each)],
    )


def _rise_ms(beside: _Seen, alone: _Seen) -> float:
    return beside.urgent.reply_ms(99) - alone.urgent.reply_ms(99)


def _bound_ms(beside: _Seen, alone: _Seen) -> float:
    """Return by how much p99 may rise: a hop there and a hop back are what the broker takes."""
    hop_ms = max(beside.urgent.hop_ms(99) - alone.urgent.hop_ms(99), 0.0)
    return _PATIENCE_MS + beside.run_ms + 2 * hop_ms


def _most_per_s(subject: _Subject) -> float:
    """Return how many rows a second a standard lane may get through at most."""
    session = open_session(subject.model)
    (given,) = session.get_inputs()
    dtype = np.int32 if "int32" in given.type else np.float32
    rows = subject.asked.rows[: subject.max_rows].view(dtype)
    runs, began_s = 0, time.perf_counter()
    while time.perf_counter() < began_s + _RAW_S:
        session.run(None, {given.name: rows})
        runs += 1
    return min(runs * len(rows) / (time.perf_counter() - began_s), _MOST_PER_S)


async def _look(
    ground: Ground, what: str, subject: _Subject, count: int, backlog: int, patience: str
) -> _Seen:
    """Time `count` urgent requests, beside a `backlog` in the standard lane if there is one."""
    topics = Topics(await ground.topic("urgent"), await ground.topic("urgent-replies"))
    standard = Topics(await ground.topic("standard"), await ground.topic("standard-replies"))
    lanes = {
        "standard": LaneSetup(standard.requests, subject.model, subject.max_rows, "1s"),
        "urgent": LaneSetup(
            topics.requests,
            subject.model,
            _URGENT_ROWS,
            _URGENT_LINGER,
            weight=_URGENT_WEIGHT,
            patience=patience,
        ),
    }
    if backlog:
        await _fill(ground, standard, subject.asked, backlog)
    async with Watch(ground.bootstrap, standard.replies) as watch:
        with daemon(ground, lanes, topics.replies, allow=[standard.replies]) as worker:
            worker.wait_until_ready(_READY_S)
            with ground.bar(f"urgent: {what}", count) as told:
                times_s = poisson(subject.per_s, count, _SEED)
                before, began_s = await watch.count(), time.monotonic()
                urgent = await timed(ground, topics, subject.asked, times_s, told=told)
            answered = await watch.count()
            per_s = (answered - before) / (time.monotonic() - began_s)
            if backlog and answered == backlog:
                raise WorkerFailed("the standard lane ran dry before all urgent ones were timed")
            if backlog:
                with ground.bar(f"urgent: {what}, the rest", backlog) as told:
                    await watch.until(backlog, worker.pid, told)
    seen = _Seen(urgent)
    if backlog:
        run_ms, account = await _standard_replies(ground, standard, subject.asked, backlog)
        seen = _Seen(urgent, per_s, run_ms, account)
    await ground.remove(*topics, *standard)
    return seen


async def _fill(ground: Ground, standard: Topics, asked: Work, backlog: int) -> None:
    dress = bare((REPLY_TO, standard.replies.encode()))
    bodies = encode_raw(asked.rows)
    await publish(ground.bootstrap, standard.requests, bodies, backlog, dress=dress)


async def _standard_replies(
    ground: Ground, standard: Topics, asked: Work, backlog: int
) -> tuple[float, Account]:
    """Return the 99th percentile of a standard batch's run, by its replies, and their account."""
    run_ms: list[float] = []

    def see(records: Sequence[ConsumerRecord]) -> None:
        run_ms.extend(_run_ms(record) for record in records[::_SEEN_OF])

    back = await read_back(
        ground.bootstrap, standard.replies, sent=backlog, results=asked.results, see=see
    )
    return nearest_rank(np.array(run_ms), 99), back.account


def _run_ms(record: ConsumerRecord) -> float:
    """Return how long the batch of a reply ran, from its header `stages` ("wait=12;run=34")."""
    stages = dict(record.headers)[STAGES].decode()
    return float(dict(stage.split("=") for stage in stages.split(";"))["run"]) / 1000


def _accounts(seen: _Seen) -> list[Account]:
    standard = [] if seen.standard is None else [seen.standard]
    return [seen.urgent.account, *standard]
