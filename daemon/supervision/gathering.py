"""The metrics of a supervisor: its own, and those of all workers under one address.

Each worker's sample has the slot it comes from. Counters go on over the processes of a slot.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import aiohttp
from aiohttp import web
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from daemon.slots.slot import Cause, SlotState
from daemon.slots.totals import Totals, WorkerProcess
from daemon.telemetry import metric_names as names
from daemon.telemetry.scaling_metrics import family
from daemon.telemetry.scrape import scrape

_ANSWER_S = 1.0
"""A worker that does not answer in this time is left out; Prometheus waits 10 s for all of them."""


class Gathering:
    """Asks all workers at the same time; to be opened inside a running loop, and closed there.

    `own` are the supervisor's metrics.
    """

    def __init__(self, own: Collector) -> None:
        self._own = own
        self._ports: dict[WorkerProcess, int] = {}
        self._totals = Totals()
        self._round = asyncio.Lock()
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Be able to ask."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_ANSWER_S), trust_env=False
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    def listening(self, worker: WorkerProcess, port: int) -> None:
        """A worker serves its metrics there."""
        self._ports[worker] = port

    def ended(self, worker: WorkerProcess, last_words: bytes) -> None:
        """A worker has ended, and left its metrics behind; or nothing, when it was killed."""
        self._ports.pop(worker, None)
        self._totals.ended(worker, _parsed(last_words.decode(errors="replace")))

    async def families(self) -> Sequence[Family]:
        """Return the metrics of this moment: the supervisor's, and what workers counted and show."""
        async with self._round:  # of two answers that overtake each other the older would be last
            ports = dict(self._ports)  # workers come and go meanwhile
            answers = await asyncio.gather(*[self._ask(port) for port in ports.values()])
            self._totals.see(
                {worker: said for worker, said in zip(ports, answers, strict=True) if said}
            )
            return merged(self._own.collect(), self._totals.families())

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer /metrics."""
        return await scrape(request, await self.families())

    async def _ask(self, port: int) -> Sequence[Family]:
        try:
            async with self._session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                answer.raise_for_status()
                return _parsed(await answer.text())
        except (aiohttp.ClientError, TimeoutError):  # gone, or busy
            return []


def _parsed(text: str) -> Sequence[Family]:
    try:
        return list(text_string_to_metric_families(text))
    except ValueError:  # somebody else's
        return []


def merged(own: Iterable[Family], of_workers: Iterable[Family]) -> Sequence[Family]:
    """Return one family for each name; what is given is used up."""
    families = {family.name: family for family in own}
    for each in of_workers:
        if each.name in families:
            families[each.name].samples += each.samples
        else:
            families[each.name] = each
    return list(families.values())


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
