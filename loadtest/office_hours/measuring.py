"""What serving takes, measured on a live daemon: run time against rows, starts, whole turns."""

import asyncio
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from loadtest.office_hours import turn
from loadtest.office_hours.computed.day import Cost
from loadtest.office_hours.documents import CONFIG, REPLY_TOPICS, TOPICS, Documents
from loadtest.office_hours.turn import Life
from loadtest.plan.plan import of_streams
from loadtest.processes.worker import Worker
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.tune.bursts import answered, runs, sizes_up_to, whole_batches
from loadtest.tune.fit import LEAST_RUNS, BatchRun, Fit, fit

MAX_ROWS = 64
"""As the scenario's configuration has it."""
_STARTS = 3
_TURNS = 3
_EACH = 5
_ROUNDS = 3
_SEED = 1
# A burst of requests meets within T. The next one comes when it is answered, or soon after: by the
# model of examples/filetype on a processor that others use too.
_LINGER_S, _GAP_S, _GAP_PER_ROW_S = 0.1, 0.15, 0.02
_READY_TIMEOUT_S = 120.0
"""As turn.py has it."""
_GRACE_S = 60.0


class MeasuredCosts(NamedTuple):
    """What was measured; `lives` each once, `turns_s` of one document and of `turn_rows`."""

    fit: Fit
    lives: tuple[Life, ...]
    small_turns_s: tuple[float, ...]
    turn_rows: int
    turns_s: tuple[float, ...]

    @property
    def start_s(self) -> float:
        """From a worker's start until it serves: the median."""
        return statistics.median(life.start_s for life in self.lives)

    @property
    def dismissal_s(self) -> float:
        """From SIGTERM to a worker that has nothing to do until its end: the median."""
        return statistics.median(life.end_s for life in self.lives)

    @property
    def end_s(self) -> float:
        """What a turn of one document takes beside the start and the run."""
        beside_s = statistics.median(self.small_turns_s) - self.start_s - self.fit.run_s(1)
        return max(beside_s, 0.0)

    @property
    def turn_s(self) -> float:
        """A whole turn of `turn_rows`, as it was seen: the median."""
        return statistics.median(self.turns_s)

    @property
    def computed_turn_s(self) -> float:
        """The same turn, computed from starts, runs and turns of one."""
        return self.start_s + sum(self.cost(0.0).batch_s(self.turn_rows)) + self.end_s

    def cost(self, boot_s: float) -> Cost:
        """Return what serving takes, in turns of `run --until-caught-up`."""
        return Cost(self.fit.run_s, MAX_ROWS, boot_s, self.start_s, self.end_s)

    @property
    def supervised(self) -> Cost:
        """What serving takes on this machine under a supervisor, who ends its worker."""
        return self.cost(0.0)._replace(end_s=self.dismissal_s)


def measure(bootstrap: str, turn_rows: int, told: Callable[[str], None]) -> MeasuredCosts:
    """Return what serving takes on the broker `bootstrap`; takes about a minute.

    `turn_rows`: how many documents wait at the large turns. Raises WorkerFailed, KafkaError,
    SizesMissing.
    """
    documents = Documents()
    settings = {"kafka.bootstrap_servers": bootstrap}
    told("run time against rows")
    found = fit(_runs(settings, documents), least=1, most=MAX_ROWS)
    lives = []
    for number in range(_STARTS):
        told(f"start {number + 1} of {_STARTS}")
        lives.append(turn.life(CONFIG, settings))
    turns_s: dict[int, list[float]] = {1: [], turn_rows: []}
    for rows, took_s in turns_s.items():
        for number in range(_TURNS):
            told(f"turn {number + 1} of {_TURNS} with {rows} waiting")
            took_s.append(asyncio.run(turn.turn_s(CONFIG, settings, rows, documents)))
    return MeasuredCosts(
        found, tuple(lives), tuple(turns_s[1]), turn_rows, tuple(turns_s[turn_rows])
    )


def _runs(settings: Mapping[str, str], documents: Documents) -> list[BatchRun]:
    lanes = ("day", "night")
    lingers = {f"lanes.{lane}.linger": f"{_LINGER_S * 1000:.0f}ms" for lane in lanes}
    bootstrap = settings["kafka.bootstrap_servers"]
    with Worker(CONFIG, {**settings, **lingers, **whole_batches(lanes)}) as worker:
        worker.wait_until_ready(_READY_TIMEOUT_S)
        ran: list[BatchRun] = []
        for turn_number in range(_ROUNDS):
            if wanted := lacking(ran):
                ran += asyncio.run(_bursts(bootstrap, documents, wanted, patience=2.0**turn_number))
        worker.terminate()
    return ran


def lacking(ran: Iterable[BatchRun]) -> list[int]:
    """Return the sizes of which too few batches ran. Pure."""
    found = Counter(run.rows for run in ran)
    return [size for size in sizes_up_to(MAX_ROWS) if found[size] < LEAST_RUNS]


async def _bursts(
    bootstrap: str, documents: Documents, wanted: Sequence[int], *, patience: float
) -> list[BatchRun]:
    """Return the batches that ran of bursts of the sizes `wanted`.

    `patience`: so many times the usual gap is between two. On a machine too slow for the gap, bursts
    wait for each other and run together.
    """
    sizes = np.random.default_rng(_SEED).permutation(np.array([*wanted] * _EACH))
    bursts = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    gaps_s = patience * (_GAP_S + _GAP_PER_ROW_S * sizes)
    starts_s = np.cumsum(gaps_s) - gaps_s
    load = of_streams([documents.stream(TOPICS[0], starts_s[bursts])])
    seen = await exchange(load, options(bootstrap, None), REPLY_TOPICS, grace_s=_GRACE_S)
    return runs(answered(seen.stages, seen.records.latency_s, bursts))
