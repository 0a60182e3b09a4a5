"""One load offered to a deployment that runs already: what came of it, and the verdict.

The daemon's metrics are looked at meanwhile, and the user's Ctrl-C ends it with what is known.
"""

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import uvloop
from rich.console import Console

from loadtest.deployment.embedded import Stage
from loadtest.deployment.look import Look
from loadtest.deployment.scrape import Identity, Scraper
from loadtest.plan.plan import Plan, only_capacity
from loadtest.report.live import View, view
from loadtest.scenario.model import Scenario
from loadtest.traffic.clock import Clock
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.records import Floats, Outcome
from loadtest.traffic.seen import Seen
from loadtest.verdict.findings import Findings, findings
from loadtest.verdict.judge import judge
from loadtest.verdict.targets import Target
from loadtest.verdict.validity import doubts
from loadtest.verdict.verdict import Verdict, pronounce

# Full walks over millions of small objects would be pauses of our own making.
_COLLECT_AFTER = 100_000
# The first quarter of a measurement of the capacity is warm-up.
_CAPACITY_WARM_UP = 0.25


class Interrupted(Exception):
    """Ctrl-C before there was anything to report."""


class Measurement(NamedTuple):
    """What came of a plan, and how the daemon looked meanwhile."""

    seen: Seen
    looks: list[Look]
    served: Identity


class Trial(NamedTuple):
    """What was offered, what was seen and what it means; `began_s` is since 1970."""

    plan: Plan
    measured: Measurement
    findings: Findings
    verdict: Verdict
    began_s: float
    took_s: float


def offer(
    made: Plan, scenario: Scenario, targets: Sequence[Target], stage: Stage, console: Console
) -> Trial:
    """Offer `made`, a plan of `scenario`; blocks until all replies are in or the grace is over.

    `console` shows how it goes. Ctrl-C ends it early: the verdict says INTERRUPTED. Raises
    KafkaError, TopicsMissing, MetricsMissing.
    """
    began_s = time.time()
    measured = measure(made, scenario, stage, console)
    found = findings(made, measured.seen, measured.looks, scenario.warm_up)
    verdict = pronounce(
        [judge(target, found) for target in targets],
        doubts(made, found, scenario.most_late),
        is_interrupted=found.is_interrupted,
    )
    return Trial(made, measured, found, verdict, began_s, time.time() - began_s)


def measure(plan: Plan, scenario: Scenario, stage: Stage, console: Console) -> Measurement:
    """Run `plan`; raises KafkaError, TopicsMissing, MetricsMissing."""
    due_s = np.concatenate([stream.times_s for stream in plan.streams])
    _calm_collector()
    return uvloop.run(_measure(plan, scenario, stage, view(console, due_s)))


def measure_capacity(scenario: Scenario, stage: Stage, console: Console) -> float:
    """Return how many results a second the deployment gives to a closed loop.

    Raises what measure() raises, and Interrupted.
    """
    plan = only_capacity(scenario)
    if plan is None:
        raise ValueError("a scenario without [capacity]")
    no_metrics = stage._replace(metrics_url="")
    seen = measure(plan, scenario, no_metrics, console).seen
    if seen.is_interrupted:
        raise Interrupted
    rows = seen.records
    received_s = rows.received_s[rows.outcome == Outcome.RESULT]
    return _steady_per_s(received_s, plan.end_s)


def _steady_per_s(received_s: Floats, end_s: float) -> float:
    from_s = _CAPACITY_WARM_UP * end_s
    within = (received_s >= from_s) & (received_s < end_s)
    return float(within.sum()) / (end_s - from_s)


async def _measure(plan: Plan, scenario: Scenario, stage: Stage, shown: View) -> Measurement:
    read = [*scenario.reply_topics, *filter(None, [scenario.dead_letters])]
    clock = Clock()
    scraper = Scraper(stage.metrics_url) if stage.metrics_url else None
    if scraper is not None:
        await scraper.look(clock)  # what cannot be had is said before the run
        scraper.looks.clear()
    served = await scraper.identity() if scraper else Identity([], {})
    with _interruption() as interrupted, shown:
        scraping = asyncio.create_task(scraper.run(clock)) if scraper else None
        try:
            seen = await exchange(
                plan,
                options(stage.bootstrap, scenario.login),
                read,
                grace_s=scenario.reply_grace,
                told=shown.told,
                clock=clock,
                interrupted=interrupted,
            )
        finally:
            if scraping is not None:
                scraping.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await scraping
    return Measurement(seen, scraper.looks if scraper else [], served)


@contextmanager
def _interruption() -> Iterator[asyncio.Event]:
    """Set the event at the first Ctrl-C or SIGTERM; the second ends the process."""
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt() -> None:
        interrupted.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, interrupt)
    try:
        yield interrupted
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _calm_collector() -> None:
    gc.unfreeze()  # what an earlier run froze may be garbage by now
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
