"""The metrics of all workers under one address, each sample with the slot it comes from."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_ANSWER_S = 1.0
"""A worker that does not answer in this time is left out; Prometheus waits 10 s for all of them."""
LABEL = "worker"


def merged(own: Iterable[Family], of_workers: Mapping[str, Iterable[Family]]) -> Sequence[Family]:
    """Return one family for each name: `own` samples as they are, the others with their worker.

    What is given is used up: families of `own` take in the others' samples.
    """
    families = {family.name: family for family in own}
    for worker, its_families in of_workers.items():
        for family in its_families:
            into = families.setdefault(family.name, _empty(family))
            into.samples += [
                sample._replace(labels={**sample.labels, LABEL: worker})
                for sample in family.samples
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
