"""A deployment without Kafka: one server, whose queue answers each request in its turn."""

import numpy as np

from loadtest.plan.plan import plan
from loadtest.search.search import Came
from loadtest.traffic.records import Outcome
from loadtest.verdict.judge import judge
from loadtest.verdict.validity import doubts
from loadtest.verdict.verdict import pronounce
from tests.unit.loadtest import runs


class Queue:
    """Serves so many requests a second, each `least_s` at least; loses those of `loses`.

    `late_from_per_s`: the rate from which the load tester does not keep up.
    """

    def __init__(self, capacity_per_s, *, least_s=0.01, loses=lambda _: 0, late_from_per_s=np.inf):
        self.capacity_per_s = capacity_per_s
        self.offered = []
        self.now_s = 0.0
        self._least_s = least_s
        self._loses = loses
        self._late_from_per_s = late_from_per_s

    def offer(self, scenario, targets):
        made = plan(scenario)
        recorder = runs.recorded(made)
        rate_per_s = sum(each.rate.value for each in scenario.classes.values())
        self.offered.append(scenario)
        intended_s = recorder.records().intended_s
        latencies_s = self._latencies_s(intended_s)
        latencies_s[len(latencies_s) - self._loses(rate_per_s) :] = np.nan
        _answer(recorder.records(), latencies_s)
        late_s = 1.0 if rate_per_s >= self._late_from_per_s else 0.0
        found = runs.found(made, recorder, late_s=late_s, warm_up_s=scenario.warm_up)
        took_s = float(np.nanmax(intended_s + latencies_s))
        self.now_s += took_s
        rulings = [judge(target, found) for target in targets]
        wrong = doubts(made, found, scenario.most_late)
        verdict = pronounce(rulings, wrong, is_interrupted=False)
        return Came(found, verdict, "2026-01-01T00:00:00Z", took_s)

    def _latencies_s(self, intended_s):
        """Lindley's recursion: what is left of the work before, and one's own."""
        work_s, latencies_s = 1 / self.capacity_per_s, np.empty(len(intended_s))
        order = np.argsort(intended_s)
        gaps_s = np.diff(intended_s[order], prepend=0.0)
        wait_s = 0.0
        for number, gap_s in zip(order.tolist(), gaps_s.tolist(), strict=True):
            wait_s = max(wait_s - gap_s, 0.0) + work_s
            latencies_s[number] = wait_s + self._least_s
        return latencies_s


def _answer(rows, latencies_s):
    """What the recorder would do of each reply, at once."""
    answered = ~np.isnan(latencies_s)
    rows.received_s[answered] = (rows.intended_s + latencies_s)[answered]
    rows.outcome[answered] = Outcome.RESULT
    rows.replies[answered] = 1
