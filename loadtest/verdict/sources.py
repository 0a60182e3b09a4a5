"""Whether there is anything that a metric could be counted from. Pure.

A count of nothing is 0, and 0 is what most targets ask for: so what is not there must never be read
as a value. What a scenario cannot give is refused before the run; what a run did not give is said of
it, and its target is undecided.
"""

from loadtest.scenario.model import Scenario
from loadtest.verdict.figures import Figures
from loadtest.verdict.metrics import Source
from loadtest.verdict.targets import Metric, Target
from loadtest.wire import DEAD_LETTER_CODES, ERROR_CODES


def refusal(target: Target, scenario: Scenario, *, has_metrics: bool) -> str:
    """Return why no run of `scenario` can give `target` its values; empty when one can.

    `has_metrics`: whether the daemon's /metrics are read.
    """
    reasons = (_refusal(metric, scenario, has_metrics=has_metrics) for metric in target.metrics)
    return next(filter(None, reasons), "")


def _refusal(metric: Metric, scenario: Scenario, *, has_metrics: bool) -> str:
    if metric.traffic and metric.traffic not in scenario.classes:
        return f"there is no class {metric.traffic}"
    source = metric.kind.source
    if source is Source.DAEMON and not has_metrics:
        return "needs --metrics URL"
    if source is Source.CHECKED and not _is_checked(metric, scenario):
        where = f"class {metric.traffic} has" if metric.traffic else "there are"
        return f"{where} no right answers to compare with: give a body `golden` (or `bad` requests)"
    if metric.code in DEAD_LETTER_CODES and not scenario.dead_letters:
        return f"{metric.code} is found among dead letters alone: name the topic `dead_letters`"
    return ""


def _is_checked(metric: Metric, scenario: Scenario) -> bool:
    classes = [scenario.classes[metric.traffic]] if metric.traffic else scenario.classes.values()
    return any(each.bad or any(body.golden for body in each.body) for each in classes)


def absence(metric: Metric, figures: Figures) -> str:
    """Return why these figures have no value for `metric`, which is none of the daemon's.

    Empty when they have one.
    """
    if not figures.sent:
        return "nothing was sent"
    count, why = {
        Source.SENT: (figures.sent, ""),
        Source.ANSWERED: (figures.answered, "there is no reply"),
        Source.RESULTS: (figures.results, "there is no result"),
        Source.CHECKED: (figures.checked, "no reply was compared with a right answer"),
    }[metric.kind.source]
    if not count:
        return why
    if metric.code and metric.code not in {*ERROR_CODES, *figures.errors}:
        return f"no request had the code {metric.code}, nor does docs/wire.md know it"
    return ""
