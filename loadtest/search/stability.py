"""When a step is stable: the targets, and two that every search has. Pure."""

from collections.abc import Mapping, Sequence

from loadtest.scenario.load import BadScenario
from loadtest.search.hunt import Word
from loadtest.verdict import verdict as verdicts
from loadtest.verdict.targets import Target, parse
from loadtest.verdict.verdict import Verdict

_SLOPE_SHARE = 0.2
"""The lag may grow by this share of the precision: such a growth moves the answer by less than what
the bracket leaves open, and less than it could not be told from noise within a step."""
_WORDS = {
    verdicts.Word.PASS: Word.PASS,
    verdicts.Word.MISSED: Word.FAIL,
    verdicts.Word.INVALID: Word.INVALID,
}


def usable(targets: Sequence[Target]) -> list[Target]:
    """Return the targets of a search; raises BadScenario for one that a higher rate meets sooner.

    Those on the slope of the lag are left out: every search has its own, with some leeway. Without
    any, one step in forty would fail by chance, and a search has many.
    """
    for target in targets:
        if target.operator.startswith(">") and target.metric.name != "goodput":
            raise BadScenario(
                f"target '{target.text}': a higher rate meets it sooner; a search takes targets "
                "that hold up to some rate"
            )
    return [target for target in targets if target.metric.name != "lag_slope"]


def with_stability(
    targets: Sequence[Target], per_class: Mapping[str, float], precision: float
) -> list[Target]:
    """Return the targets and what they do not yet say: all is answered, and no lag grows."""
    implied = []
    if not any(target.metric.name == "missing" for target in targets):
        implied.append(parse("missing == 0"))
    slopes = [
        parse(f"lag_slope[{name}] <= {_SLOPE_SHARE * precision * per_s:.4f}/s")
        for name, per_s in per_class.items()
    ]
    return [*targets, *implied, *slopes]


def word_of(verdict: Verdict) -> tuple[Word, str]:
    """Return what a step came to, and why if it proves nothing; it was not interrupted."""
    if verdict.word is verdicts.Word.INVALID and not verdict.doubts:
        return Word.UNDECIDED, "; ".join(ruling.why for ruling in verdict.rulings if ruling.why)
    return _WORDS[verdict.word], "; ".join(verdict.doubts)
