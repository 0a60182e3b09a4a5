"""When a step is stable: the targets, and two that every search has. Pure."""

from collections.abc import Iterable, Sequence

from loadtest.scenario.load import BadScenario
from loadtest.search.bracket import RateWord
from loadtest.verdict import verdict as verdicts
from loadtest.verdict.targets import Metric, Target, parse
from loadtest.verdict.verdict import Verdict

_WORDS = {
    verdicts.VerdictWord.PASS: RateWord.PASS,
    verdicts.VerdictWord.MISSED: RateWord.FAIL,
    verdicts.VerdictWord.INVALID: RateWord.INVALID,
}


def check(targets: Iterable[Target]) -> None:
    """Raise BadScenario for a target that a higher rate meets sooner."""
    for target in targets:
        if target.operator.startswith(">") and target.metric.name != "goodput":
            raise BadScenario(
                f"target '{target.text}': a higher rate meets it sooner; a search takes targets "
                "that hold up to some rate"
            )


def with_stability(targets: Sequence[Target], classes: Iterable[str]) -> list[Target]:
    """Return the targets and what they do not yet say: all is answered, and no lag grows."""
    said = {(target.metric.name, target.metric.traffic) for target in targets}
    implied = [Metric("missing"), *(Metric("lag_slope", traffic=name) for name in classes)]
    operators = {"missing": "==", "lag_slope": "<="}
    return [
        *targets,
        *(
            parse(f"{metric} {operators[metric.name]} 0")
            for metric in implied
            if (metric.name, metric.traffic) not in said
        ),
    ]


def word_of(verdict: Verdict) -> tuple[RateWord, str]:
    """Return what a step came to, and why if it proves nothing; it was not interrupted."""
    if verdict.word is verdicts.VerdictWord.INVALID and not verdict.doubts:
        return RateWord.UNDECIDED, "; ".join(ruling.why for ruling in verdict.rulings if ruling.why)
    return _WORDS[verdict.word], "; ".join(verdict.doubts)
