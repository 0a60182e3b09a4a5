"""One load offered to a deployment that runs already: what came of it, and the verdict."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console

from loadtest.command.embedded import Stage
from loadtest.command.measure import Measured, measure
from loadtest.plan.plan import Plan
from loadtest.scenario.model import Scenario
from loadtest.verdict.findings import Findings, findings
from loadtest.verdict.judge import judge
from loadtest.verdict.targets import Target
from loadtest.verdict.validity import doubts
from loadtest.verdict.verdict import Verdict, pronounce


class Step(NamedTuple):
    """What was offered, what was seen and what it means; `began_s` is since 1970."""

    plan: Plan
    measured: Measured
    findings: Findings
    verdict: Verdict
    began_s: float
    took_s: float


def offer(
    made: Plan, scenario: Scenario, targets: Sequence[Target], stage: Stage, console: Console
) -> Step:
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
    return Step(made, measured, found, verdict, began_s, time.time() - began_s)
