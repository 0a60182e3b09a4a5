"""The search: step by step until the bracket is narrow enough, or nothing more can be learnt."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from loadtest.scenario.model import Scenario
from loadtest.search.binding import Binding, binding
from loadtest.search.hunt import Bracket, End, Next, Word, bracket, decide
from loadtest.search.inquiry import Inquiry
from loadtest.search.tried import Offer, Tried, tried
from loadtest.verdict import verdict as verdicts
from loadtest.verdict.exits import Exit
from loadtest.verdict.findings import Findings
from loadtest.verdict.targets import Target, parse
from loadtest.verdict.verdict import Verdict

_PROBES = 3
_EXITS = {End.FOUND: Exit.PASS, End.NOTHING_PASSES: Exit.MISSED, End.INTERRUPTED: Exit.INTERRUPTED}


class Came(NamedTuple):
    """What came of an offer; `began` is a time as people read it."""

    findings: Findings
    verdict: Verdict
    began: str
    took_s: float


class Deployment(Protocol):
    """What is searched; real, or simulated in tests."""

    def offer(self, scenario: Scenario, targets: Sequence[Target]) -> Came:
        """Offer the load of `scenario` and return when its last reply is in or its grace is over."""


class Answer(NamedTuple):
    """What the search came to."""

    end: End
    bracket: Bracket
    binding: Binding | None

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return _EXITS.get(self.end, Exit.INVALID)


class Watcher(Protocol):
    """Is told how it goes."""

    def begins(self, number: int, offer: Offer) -> None:
        """Step `number` begins."""

    def ends(self, step: Tried) -> None:
        """The step is over."""

    def waits(self) -> None:
        """Requests are left without reply: wait until the deployment is at rest."""


class Limits(NamedTuple):
    """When the search is given up: `now` counts seconds, and it is to end before `until_s`."""

    now: Callable[[], float]
    until_s: float


def search(
    inquiry: Inquiry,
    steps: list[Tried],
    deployment: Deployment,
    watcher: Watcher,
    limits: Limits,
    keep: Callable[[Sequence[Tried], Answer | None], None],
) -> Answer:
    """Return the answer; `steps` are those made before, and those made now are added.

    `keep` is given all steps after each of them, and at the end the answer.
    """
    end = _walk(inquiry, steps, deployment, watcher, limits, keep)
    answer = answered(end, steps)
    keep(steps, answer)
    return answer


def answered(end: End, steps: Sequence[Tried]) -> Answer:
    """Return what `steps` came to."""
    found = bracket([step.trial for step in steps])
    passed = _last(steps, found.lower, Word.PASS)
    failed = _last(steps, found.fails, Word.FAIL)
    return Answer(end, found, binding(passed, failed))


def _walk(
    inquiry: Inquiry,
    steps: list[Tried],
    deployment: Deployment,
    watcher: Watcher,
    limits: Limits,
    keep: Callable[[Sequence[Tried], Answer | None], None],
) -> End:
    while isinstance(wanted := decide([step.trial for step in steps], inquiry.bounds), Next):
        offer = inquiry.offer(wanted)
        if limits.now() + inquiry.warm_up_s + offer.seconds > limits.until_s:
            return End.TIME
        watcher.begins(len(steps) + 1, offer)
        came = deployment.offer(inquiry.scenario(offer, len(steps)), inquiry.targets_of(offer))
        if came.verdict.word is verdicts.Word.INTERRUPTED:
            return End.INTERRUPTED
        own = len(inquiry.targets)
        step = tried(offer, came.findings, came.verdict, own, began=came.began, took_s=came.took_s)
        steps.append(step)
        keep(steps, None)
        watcher.ends(step)
        if _left(came) and (end := _rest(inquiry, deployment, watcher)):
            return end
    return wanted


def _rest(inquiry: Inquiry, deployment: Deployment, watcher: Watcher) -> End | None:
    """Return when a few more requests are answered; else why the search cannot go on."""
    watcher.waits()
    for _ in range(_PROBES):
        came = deployment.offer(inquiry.probe(), [parse("missing == 0")])
        if came.verdict.word is verdicts.Word.INTERRUPTED:
            return End.INTERRUPTED
        if not _left(came):
            return None
    return End.UNREST


def _left(came: Came) -> int:
    """Return how many requests were not answered, those of the warm-up among them."""
    warm_up = came.findings.warm_up
    return came.findings.whole.missing + (warm_up.missing if warm_up else 0)


def _last(steps: Sequence[Tried], rate_per_s: float | None, word: Word) -> Tried | None:
    mine = [step for step in steps if step.rate_per_s == rate_per_s and step.word is word]
    return mine[-1] if mine else None
