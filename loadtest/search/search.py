"""The search: step by step until the bracket is narrow enough, or nothing more can be learnt."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from loadtest.scenario.model import Scenario
from loadtest.search.bracket import Bracket, Next, RateWord, SearchEnd, bracket, decide
from loadtest.search.limiting_target import LimitingTarget, limiting_target
from loadtest.search.rate_trial import Offer, RateTrial, rate_trial
from loadtest.search.spec import SearchSpec
from loadtest.verdict import verdict as verdicts
from loadtest.verdict.exits import Exit
from loadtest.verdict.findings import Findings
from loadtest.verdict.targets import Target, parse
from loadtest.verdict.verdict import Verdict

_PROBES = 3
"""Each waits as long as replies may take (reply_grace)."""
_EXITS = {
    SearchEnd.FOUND: Exit.PASS,
    SearchEnd.NOTHING_PASSES: Exit.MISSED,
    SearchEnd.INTERRUPTED: Exit.INTERRUPTED,
}


class Came(NamedTuple):
    """What came of an offer; `began` is a time as people read it."""

    findings: Findings
    verdict: Verdict
    began: str
    took_s: float


class SearchedDeployment(Protocol):
    """What is searched; real, or simulated in tests."""

    def offer(self, scenario: Scenario, targets: Sequence[Target]) -> Came:
        """Offer the load of `scenario` and return when its last reply is in or its grace is over."""


class SearchAnswer(NamedTuple):
    """What the search came to."""

    end: SearchEnd
    bracket: Bracket
    limiting_target: LimitingTarget | None

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return _EXITS.get(self.end, Exit.INVALID)


class SearchWatcher(Protocol):
    """Is told how it goes."""

    def begins(self, number: int, offer: Offer) -> None:
        """Step `number` begins."""

    def ends(self, step: RateTrial) -> None:
        """The step is over."""

    def waits(self) -> None:
        """Requests are left without reply: wait until the deployment is at rest."""


class Limits(NamedTuple):
    """When the search is given up: `now` counts seconds, and it is to end before `until_s`."""

    now: Callable[[], float]
    until_s: float


def search(
    spec: SearchSpec,
    steps: list[RateTrial],
    deployment: SearchedDeployment,
    watcher: SearchWatcher,
    limits: Limits,
    keep: Callable[[Sequence[RateTrial], SearchAnswer | None], None],
) -> SearchAnswer:
    """Return the answer; `steps` are those made before, and those made now are added.

    `keep` is given all steps after each of them, and at the end the answer.
    """
    end = _walk(spec, steps, deployment, watcher, limits, keep)
    answer = answered(end, steps)
    keep(steps, answer)
    return answer


def answered(end: SearchEnd, steps: Sequence[RateTrial]) -> SearchAnswer:
    """Return what `steps` came to."""
    found = bracket([step.trial for step in steps])
    passed = _last(steps, found.lower, RateWord.PASS)
    failed = _last(steps, found.fails, RateWord.FAIL)
    return SearchAnswer(end, found, limiting_target(passed, failed))


def _walk(
    spec: SearchSpec,
    steps: list[RateTrial],
    deployment: SearchedDeployment,
    watcher: SearchWatcher,
    limits: Limits,
    keep: Callable[[Sequence[RateTrial], SearchAnswer | None], None],
) -> SearchEnd:
    while isinstance(wanted := decide([step.trial for step in steps], spec.bounds), Next):
        offer = spec.offer(wanted)
        if limits.now() + spec.warm_up_s + offer.seconds > limits.until_s:
            return SearchEnd.TIME
        watcher.begins(len(steps) + 1, offer)
        came = deployment.offer(spec.scenario(offer, len(steps)), spec.targets_of(offer))
        if came.verdict.word is verdicts.VerdictWord.INTERRUPTED:
            return SearchEnd.INTERRUPTED
        own = len(spec.targets)
        step = rate_trial(
            offer, came.findings, came.verdict, own, began=came.began, took_s=came.took_s
        )
        steps.append(step)
        keep(steps, None)
        watcher.ends(step)
        if _left(came) and (end := _rest(spec, deployment, watcher)):
            return end
    return wanted


def _rest(
    spec: SearchSpec, deployment: SearchedDeployment, watcher: SearchWatcher
) -> SearchEnd | None:
    """Return when a few more requests are answered; else why the search cannot go on."""
    watcher.waits()
    for _ in range(_PROBES):
        came = deployment.offer(spec.probe(), [parse("missing == 0")])
        if came.verdict.word is verdicts.VerdictWord.INTERRUPTED:
            return SearchEnd.INTERRUPTED
        if not _left(came):
            return None
    return SearchEnd.UNREST


def _left(came: Came) -> int:
    """Return how many requests were not answered, those of the warm-up among them."""
    warm_up = came.findings.warm_up
    return came.findings.whole.missing + (warm_up.missing if warm_up else 0)


def _last(steps: Sequence[RateTrial], rate_per_s: float | None, word: RateWord) -> RateTrial | None:
    mine = [step for step in steps if step.rate_per_s == rate_per_s and step.word is word]
    return mine[-1] if mine else None
