"""The deployment that is tuned: one that runs already, or a daemon of ours for each setting."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from rich.console import Console

from loadtest.deployment.embedded import Sandbox, Stage, daemon
from loadtest.plan.plan import plan
from loadtest.processes.worker import WorkerFailed
from loadtest.traffic.records import Floats, Outcome
from loadtest.trial.trial import Interrupted, measure, offer
from loadtest.tune.bursts import Answered, Burst, answered, whole_batches
from loadtest.tune.service import Setting
from loadtest.tune.setting_trial import SettingTrial, mean_batch_rows, setting_trial
from loadtest.tune.spec import TuneSpec
from loadtest.verdict.verdict import VerdictWord

_BURST_LINGER_S = 0.05
"""A burst of some hundred requests is in the daemon well within."""
_RESTS = 3
"""Each waits as long as replies may take (reply_grace)."""
_REST_REQUESTS = 1
"""Who answers it has answered what was before it."""


class Deployed:
    """Reached through Kafka; `sandbox` is None where it cannot be restarted."""

    def __init__(
        self, spec: TuneSpec, stage: Stage | None, sandbox: Sandbox | None, console: Console
    ) -> None:
        """`stage`: the deployment that runs already, None with a sandbox."""
        self._spec = spec
        self._stage = stage
        self._sandbox = sandbox
        self._console = console
        self._seed = spec.scenario.seed

    @property
    def can_restart(self) -> bool:
        """Whether runs may have settings of their own."""
        return self._sandbox is not None

    def burst(self, wanted: Sequence[Burst]) -> Answered:
        """Offer bursts; raises Interrupted, KafkaError, TopicsMissing, WorkerFailed."""
        sizes = [burst.requests for burst in wanted]
        scenario = self._spec.backlog(sum(sizes))
        made = plan(scenario)
        at_s = np.repeat([burst.at_s for burst in wanted], sizes)
        timed = made._replace(streams=[made.streams[0]._replace(times_s=at_s)])
        with self._daemon(Setting(self._spec.most_rows, _BURST_LINGER_S), in_bursts=True) as stage:
            # Looks at the metrics would be work beside the runs that are timed.
            seen = measure(timed, scenario, stage._replace(metrics_url=""), self._console).seen
        if seen.is_interrupted:
            raise Interrupted
        burst = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        return answered(seen.stages, seen.records.latency_s, burst)

    def arrivals(self, seconds: float) -> Floats:
        """Return when requests would arrive."""
        return plan(self._spec.steady(seconds, self._seed)).streams[0].times_s

    def run(self, setting: Setting, seconds: float) -> SettingTrial | None:
        """Offer the load to a daemon with this setting; None at Ctrl-C. Raises what burst() raises."""
        self._seed += 1
        scenario = self._spec.steady(seconds, self._seed)
        with self._daemon(setting) as stage:
            trial = offer(plan(scenario), scenario, self._spec.judged, stage, self._console)
            if trial.verdict.word is VerdictWord.INTERRUPTED:
                return None
            if trial.findings.whole.missing:
                self._rest(stage)
        rows = mean_batch_rows(trial.measured.seen.stages.batch_rows)
        return setting_trial(setting, seconds, trial.findings, trial.verdict, rows)

    @contextmanager
    def _daemon(self, setting: Setting, *, in_bursts: bool = False) -> Iterator[Stage]:
        if self._sandbox is None:
            if self._stage is None:
                raise ValueError("neither a deployment nor a sandbox for one")
            yield self._stage
            return
        settings = overrides(self._spec.lane, setting)
        if in_bursts:
            settings = {**settings, **whole_batches(self._sandbox.lanes)}
        with daemon(self._sandbox, settings) as stage:
            yield stage

    def _rest(self, stage: Stage) -> None:
        """Return when what was left is answered: the next run must not begin with a queue."""
        scenario = self._spec.backlog(_REST_REQUESTS)
        for _ in range(_RESTS):
            seen = measure(plan(scenario), scenario, stage, self._console).seen
            if seen.is_interrupted:
                raise Interrupted
            if np.all(seen.records.outcome != Outcome.NONE):
                return
        raise WorkerFailed("the daemon did not answer what one run had left")


def overrides(lane: str, setting: Setting) -> Mapping[str, str]:
    """Return the daemon's settings for a lane; eager is off, since T says nothing beside it."""
    return {
        f"lanes.{lane}.max_rows": str(setting.max_rows),
        f"lanes.{lane}.linger": f"{round(setting.linger_s * 1e6)}us",
        f"lanes.{lane}.eager": "false",
    }
