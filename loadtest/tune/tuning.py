"""The tuning: fit, proposal, sweep, choice, confirmation."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from loadtest.traffic.records import Floats
from loadtest.tune import bursts
from loadtest.tune.bursts import Answered, Burst
from loadtest.tune.choice import around, cheapest_first, propose
from loadtest.tune.fit import Fit, fit
from loadtest.tune.model import Load, Predicted
from loadtest.tune.service import Setting
from loadtest.tune.setting_trial import SettingTrial
from loadtest.tune.spec import TuneSpec
from loadtest.verdict.exits import Exit
from loadtest.verdict.verdict import VerdictWord

_MOST_CONFIRMATIONS = 3
"""Where three of the best do not hold, the machine is too busy for a choice."""
_MOST_ATTEMPTS = 2
"""A stall of a shared machine passes; what comes again is none."""
_MODEL_REQUESTS = 5_000
"""Arrivals that the model serves for each setting: 50 beyond a p99."""


class TuneEnd(Enum):
    """How it ended."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    NOTHING_MEETS = "nothing meets the targets"
    PROPOSED = "proposed"
    INTERRUPTED = "interrupted"


_EXITS = {
    TuneEnd.CONFIRMED: Exit.PASS,
    TuneEnd.NOT_CONFIRMED: Exit.MISSED,
    TuneEnd.NOTHING_MEETS: Exit.MISSED,
    TuneEnd.PROPOSED: Exit.INVALID,
    TuneEnd.INTERRUPTED: Exit.INTERRUPTED,
}


class TunedDeployment(Protocol):
    """What is tuned; real, or simulated in tests."""

    @property
    def can_restart(self) -> bool:
        """Whether runs may have settings of their own."""

    def burst(self, wanted: Sequence[Burst]) -> Answered:
        """Offer bursts to the lane, with room for the largest where it can be restarted."""

    def arrivals(self, seconds: float) -> Floats:
        """Return when requests would arrive in so many seconds, float64 (n,)."""

    def run(self, setting: Setting, seconds: float) -> SettingTrial | None:
        """Offer the load to a lane with this setting; None when it was interrupted."""


class TuneWatcher(Protocol):
    """Is told how it goes."""

    def bursts(self, seconds: float) -> None:
        """Bursts begin, and take so long."""

    def fitted(self, found: Fit, proposed: Predicted, overhead_s: float) -> None:
        """The fit is known, and what follows from it."""

    def sweeps(self, settings: Sequence[Setting], skipped: Sequence[Setting]) -> None:
        """The sweep begins."""

    def begins(self, setting: Setting, seconds: float, *, confirms: bool) -> None:
        """A run begins."""

    def ends(self, run: SettingTrial) -> None:
        """The run is over."""


class TuneAnswer(NamedTuple):
    """What it came to; `confirmed`: the runs that were to confirm, the last one decides."""

    end: TuneEnd
    fit: Fit
    overhead_s: float
    request_rows: int
    proposed: Predicted
    looked: list[Predicted]
    runs: list[SettingTrial]
    skipped: list[Setting]
    confirmed: list[SettingTrial]

    @property
    def recommended(self) -> Setting | None:
        """What to use; None when nothing meets the targets."""
        if self.end is TuneEnd.PROPOSED:
            return self.proposed.setting
        return self.confirmed[-1].setting if self.end is TuneEnd.CONFIRMED else None

    @property
    def exit(self) -> Exit:
        """The exit code."""
        if self.end is TuneEnd.NOT_CONFIRMED and self.confirmed[-1].word is VerdictWord.INVALID:
            return Exit.INVALID
        return _EXITS[self.end]


def tune(spec: TuneSpec, deployment: TunedDeployment, watcher: TuneWatcher) -> TuneAnswer:
    """Return what N and T should be; raises SizesMissing, and what the deployment raises."""
    probed = bursts.probe(spec.most_rows)
    watcher.bursts(bursts.took_s(probed))
    first = deployment.burst(probed)
    request_rows = bursts.request_rows(probed, first)
    most = max(spec.most_rows // request_rows, 1)
    ladder = bursts.ladder(probed, first, most, spec.scenario.seed)
    watcher.bursts(bursts.took_s(ladder))
    answered = deployment.burst(ladder)
    found = fit(bursts.runs(answered), least=request_rows)
    load = _load(spec, deployment, request_rows)
    proposed, looked = propose(
        found,
        load,
        spec.bounds,
        overhead_s=answered.overhead_s,
        most_rows=min(spec.most_rows, found.most_rows),
    )
    watcher.fitted(found, proposed, answered.overhead_s)
    nothing_run = TuneAnswer(
        TuneEnd.PROPOSED, found, answered.overhead_s, request_rows, proposed, looked, [], [], []
    )
    if not deployment.can_restart:
        return nothing_run
    return _measured(nothing_run, load, spec, deployment, watcher)


def _load(spec: TuneSpec, deployment: TunedDeployment, request_rows: int) -> Load:
    times_s = deployment.arrivals(_MODEL_REQUESTS / spec.rate_per_s)
    return Load(times_s, spec.rate_per_s, request_rows)


def _measured(
    answer: TuneAnswer,
    load: Load,
    spec: TuneSpec,
    deployment: TunedDeployment,
    watcher: TuneWatcher,
) -> TuneAnswer:
    settings, skipped = around(
        answer.proposed.setting, answer.fit, load, min(spec.most_rows, answer.fit.most_rows)
    )
    watcher.sweeps(settings, skipped)
    runs: list[SettingTrial] = []
    for setting in settings:
        came = _run(setting, spec.sweep_s, deployment, watcher, confirms=False)
        if came is None:
            return answer._replace(end=TuneEnd.INTERRUPTED, runs=runs, skipped=skipped)
        runs.append(came)
    measured = answer._replace(end=TuneEnd.NOTHING_MEETS, runs=runs, skipped=skipped)
    return _confirmed(measured, spec.confirm_s, deployment, watcher)


def _confirmed(
    answer: TuneAnswer, seconds: float, deployment: TunedDeployment, watcher: TuneWatcher
) -> TuneAnswer:
    meeting = cheapest_first([each for each in answer.runs if each.meets])
    confirmed: list[SettingTrial] = []
    end = answer.end
    for each in meeting[:_MOST_CONFIRMATIONS]:
        came = _run(each.setting, seconds, deployment, watcher, confirms=True)
        if came is None:
            end = TuneEnd.INTERRUPTED
            break
        confirmed.append(came)
        end = TuneEnd.CONFIRMED if came.word is VerdictWord.PASS else TuneEnd.NOT_CONFIRMED
        if end is TuneEnd.CONFIRMED:
            break
    return answer._replace(end=end, confirmed=confirmed)


def _run(
    setting: Setting,
    seconds: float,
    deployment: TunedDeployment,
    watcher: TuneWatcher,
    *,
    confirms: bool,
) -> SettingTrial | None:
    """Return what came of a run, of a second one where the first proves nothing."""
    came = None
    for _ in range(_MOST_ATTEMPTS):
        watcher.begins(setting, seconds, confirms=confirms)
        came = deployment.run(setting, seconds)
        if came is None:
            return None
        watcher.ends(came)
        if not came.is_void:
            break
    return came
