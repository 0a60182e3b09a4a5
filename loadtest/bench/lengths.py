"""bench: sentences of many lengths, each length for itself and padded to a few."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psutil

from loadtest.bench.contestants import LaneSetup, configured
from loadtest.bench.figures import Section, at_least, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.replies import TOLERANCE
from loadtest.bench.watch import sample
from loadtest.bench.work import open_session
from loadtest.deployment import sentences
from loadtest.plan.bodies import BodyKind
from loadtest.plan.golden import Objects
from loadtest.plan.plan import of_streams, stream
from loadtest.processes.worker import Worker, WorkerFailed
from loadtest.scenario.arrival_processes import constant
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.records import Account
from loadtest.wire import CONTENT_TYPE

Ids = npt.NDArray[np.int64]

# Sentences as they were seen: 72 lengths in 300 of them, most of 10 to 40 words.
_COUNT = 300
_PER_S = 20.0
_MEDIAN_WORDS = 20
_SIGMA = 0.75
"""Of the logarithm of the words."""
_MOST_WORDS = 128
_SEED = 16
_ROWS = 32
_LINGER = "1s"
_STEPS = (16, 32, 128)
_JUDGED_STEP = 32
_GRACE_S = 60.0
_LEAST_ROWS = 6.0
"""A run, padded: a target, chosen; of rows of each length alone few come together."""
_JSON = ((CONTENT_TYPE, b"application/json"),)


class _Served(NamedTuple):
    """What a worker made of all sentences; `padding` is a share of the elements that it ran."""

    rows: float
    cpu_ms: float
    padding: float
    account: Account


async def lengths(ground: Ground, scale: Scale) -> Section:
    """Compare steps of padding with none, by turns; raises WorkerFailed."""
    model = sentences.write(ground.folder)
    asked = _sentences()
    kind = BodyKind([_body(ids) for ids in asked], _JSON, _golden(model, asked))
    ways = {"exact": None} | {f"steps of {step}": step for step in _STEPS}
    seen = await by_turns(
        scale.repeat,
        {name: partial(_serve, ground, model, kind, step) for name, step in ways.items()},
    )
    exact, padded = seen["exact"], seen[f"steps of {_JUDGED_STEP}"]
    figures = []
    for name, runs in seen.items():
        least = at_least(_LEAST_ROWS) if runs is padded else None
        figures += [
            figure(f"rows a batch, {name}", "", [run.rows for run in runs], least),
            figure(f"CPU a request, {name}", "ms", [run.cpu_ms for run in runs]),
        ]
        if runs is not exact:
            figures.append(figure(f"padding, {name}", "%", [100 * run.padding for run in runs]))
    against = ratios([run.cpu_ms for run in padded], [run.cpu_ms for run in exact])
    figures.append(figure(f"CPU, steps of {_JUDGED_STEP} / exact", "", against, at_most(1.0)))
    distinct = len({ids.size for ids in asked})
    return Section(
        f"Lengths: {_COUNT} sentences of {distinct} lengths, {_PER_S:.0f}/s, N = {_ROWS}, T = {_LINGER}",
        figures,
        [run.account for runs in seen.values() for run in runs],
    )


def _sentences() -> list[Ids]:
    random = np.random.default_rng(_SEED)
    drawn = (
        random.lognormal(np.log(_MEDIAN_WORDS), _SIGMA, _COUNT)
        .round()
        .clip(1, _MOST_WORDS)
        .astype(int)
    )
    return [random.integers(0, sentences.WORDS, (1, length)) for length in drawn]


def _tensors(ids: Ids) -> dict[str, Ids]:
    return {"ids": ids, "mask": np.ones_like(ids)}


def _body(ids: Ids) -> bytes:
    inputs = [
        {"name": name, "shape": array.shape, "datatype": "INT64", "data": array.ravel().tolist()}
        for name, array in _tensors(ids).items()
    ]
    return json.dumps({"inputs": inputs}).encode()


def _golden(model: Path, asked: list[Ids]) -> Objects:
    """Return what the model gives for each sentence alone."""
    session = open_session(model)
    answers = [session.run(None, _tensors(ids))[0] for ids in asked]
    return Objects(
        [{"outputs": [{"shape": [*y.shape], "data": y.ravel().tolist()}]} for y in answers],
        TOLERANCE,
    )


async def _serve(
    ground: Ground, model: Path, kind: BodyKind, step: int | None, what: str
) -> _Served:
    topic, replies = await ground.topic("requests"), await ground.topic("replies")
    lane = LaneSetup(topic, model, _ROWS, _LINGER)
    with configured(ground, {"standard": lane}, replies, settings=_padding(step)) as worker:
        worker.start()
        worker.wait_until_ready()
        began = sample(psutil.Process(worker.pid))
        with ground.bar(f"lengths: {what}", _COUNT) as told:
            seen = await exchange(
                of_streams([stream("all", topic, constant(_PER_S, _COUNT), kind)]),
                options(ground.bootstrap, None),
                [replies],
                grace_s=_GRACE_S,
                told=lambda progress: told(progress.answered),
            )
        ended = sample(psutil.Process(worker.pid))
        served = _read(worker, ended.cpu_s - began.cpu_s, seen.account())
        if exit_code := worker.terminate():
            raise WorkerFailed(f"the daemon ended with {exit_code}:\n{worker.log.read_text()}")
    await ground.remove(topic, replies)
    return served


def _padding(step: int | None) -> Mapping[str, str]:
    pad = f"models.{sentences.NAME}.inputs.ids.pad"
    return {} if step is None else {f"{pad}.axis": "length", f"{pad}.step": str(step)}


def _read(worker: Worker, cpu_s: float, account: Account) -> _Served:
    metrics = worker.metrics()
    elements = metrics.total("input_elements_total")
    return _Served(
        metrics.total("batch_rows_sum") / metrics.total("batch_rows_count"),
        cpu_s / _COUNT * 1000,
        metrics.total("padding_elements_total") / elements if elements else 0.0,
        account,
    )
