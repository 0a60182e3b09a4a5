"""The metrics of a supervisor: its own, and those of all workers under one address.

Each worker's sample has the slot it comes from. What all of them did together only grows: what a
worker did is not undone when it ends, and one that was started anew begins at zero.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from daemon.scaling.own_rate import ModelWork, Work
from daemon.slots.slot import Cause, SlotState
from daemon.telemetry import metric_names as names
from daemon.telemetry.scaling_metrics import family

_ANSWER_S = 1.0
"""A worker that does not answer in this time is left out; Prometheus waits 10 s for all of them."""
LABEL = "worker"


def merged(own: Iterable[Family], of_workers: Mapping[str, Iterable[Family]]) -> Sequence[Family]:
    """Return one family for each name: `own` samples as they are, the others with their worker.

    What is given is used up: families of `own` take in the others' samples.
    """
    families = {family.name: family for family in own}
    for worker, its_families in of_workers.items():
        for each in its_families:
            into = families.setdefault(each.name, _empty(each))
            into.samples += [
                sample._replace(labels={**sample.labels, LABEL: worker}) for sample in each.samples
            ]
    return list(families.values())


def _empty(family: Family) -> Family:
    return Family(family.name, family.documentation, family.type)


class Gathering:
    """Asks all workers at the same time; to be made inside a running loop, and closed there.

    Args:
        own: the supervisor's metrics.
        ports: where each slot's worker serves its metrics, as far as that is known.
    """

    def __init__(self, own: Collector, ports: Callable[[], Mapping[int, int]]) -> None:
        self._own = own
        self._ports = ports
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_ANSWER_S), trust_env=False
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def families(self) -> Sequence[Family]:
        """Return the metrics of this moment: the supervisor's, and those of who answers."""
        ports = dict(self._ports())  # workers come and go meanwhile
        answers = await asyncio.gather(*[self._ask(port) for port in ports.values()])
        of_workers = {str(slot): families for slot, families in zip(ports, answers, strict=True)}
        return merged(self._own.collect(), of_workers)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer /metrics."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Gathered(await self.families()))
        return await make_aiohttp_handler(registry)(request)

    async def _ask(self, port: int) -> Sequence[Family]:
        try:
            async with self._session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                answer.raise_for_status()
                return list(text_string_to_metric_families(await answer.text()))
        except (aiohttp.ClientError, TimeoutError, ValueError):  # gone, busy, or somebody else's
            return []


class _Gathered(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Sequence[Family]:
        return self._families


class SupervisionMetrics(Collector):
    """The supervisor's own: its workers by state, and how often it had to start some again.

    `census` tells how many slots are in each state.
    """

    def __init__(self, census: Callable[[], Mapping[SlotState, int]]) -> None:
        self._census = census
        # They are there from the start, so that the first restart is an increase.
        causes = [cause for cause in Cause if cause is not Cause.ASKED]
        self._restarts: Counter[str] = Counter(dict.fromkeys(map(str, causes), 0))

    def restarted(self, cause: Cause) -> None:
        """A worker ended unasked."""
        self._restarts[cause] += 1

    def collect(self) -> Iterator[Family]:
        """Yield the metrics of this moment."""
        census = self._census()
        states = (state for state in census if state is not SlotState.EMPTY)
        yield family(names.WORKERS, {(str(state),): census[state] for state in states})
        yield family(names.WORKER_RESTARTS, {(c,): n for c, n in self._restarts.items()})

    def describe(self) -> list[Family]:
        """Return nothing: names are checked by the table, not by a collection at registration."""
        return []


_RECORDS = names.PREFIX + names.REQUESTS.name
_BATCHES = f"{names.PREFIX}{names.BATCH_ROWS.name}_count"
_ROWS = f"{names.PREFIX}{names.BATCH_ROWS.name}_sum"
_BUSY = names.PREFIX + names.EXECUTOR_BUSY.name


class WorkDone:
    """Adds up what it sees."""

    def __init__(self, label: str) -> None:
        """`label` tells in each sample which worker it is of; samples without it are passed over."""
        self._label = label
        self._before: dict[tuple[str, str, str], float] = {}
        self._totals: dict[tuple[str, str], float] = {}

    def see(self, samples: Iterable[Sample]) -> Work:
        """Take in the counters of this moment; return the totals since the first."""
        for key, value in self._counters(samples).items():
            _, name, model = key
            grown = value - self._before.get(key, 0.0)
            total = self._totals.get((name, model), 0.0)
            self._totals[name, model] = total + (grown if grown >= 0 else value)
            self._before[key] = value
        return self._work()

    def _counters(self, samples: Iterable[Sample]) -> Mapping[tuple[str, str, str], float]:
        """Return the values by worker, name and model, all other labels together."""
        found: dict[tuple[str, str, str], float] = {}
        for sample in samples:
            worker = sample.labels.get(self._label)
            if worker is not None and sample.name in {_RECORDS, _BATCHES, _ROWS, _BUSY}:
                key = (worker, sample.name, sample.labels.get("model", ""))
                found[key] = found.get(key, 0.0) + sample.value
        return found

    def _work(self) -> Work:
        models = {model for name, model in self._totals if name == _BATCHES}
        return Work(
            records=self._totals.get((_RECORDS, ""), 0.0),
            models={
                model: ModelWork(
                    batches=self._totals.get((_BATCHES, model), 0.0),
                    rows=self._totals.get((_ROWS, model), 0.0),
                    busy_s=self._totals.get((_BUSY, model), 0.0),
                )
                for model in models
            },
        )
