"""What a search shows to people."""

from rich.console import Console

from loadtest.report import words
from loadtest.search import step_length
from loadtest.search.bracket import RateWord, SearchEnd
from loadtest.search.limiting_target import LimitingTarget, LimitShape
from loadtest.search.rate_trial import Offer, RateTrial, TargetResult
from loadtest.search.search import SearchAnswer
from loadtest.search.spec import SearchSpec

_COLOURS = {
    RateWord.PASS: "green",
    RateWord.FAIL: "red",
    RateWord.UNDECIDED: "yellow",
    RateWord.INVALID: "yellow",
}
_ENDS = {
    SearchEnd.FOUND: "",
    SearchEnd.NOTHING_PASSES: "No rate that was tried meets the targets.",
    SearchEnd.NEVER_FAILS: "No rate failed up to the highest that is tried: search with more than one "
    "load tester.",
    SearchEnd.UNPROVED: "What the deployment does above could not be proved: see why above.",
    SearchEnd.TRIALS: "Given up: the verdicts contradict each other; the machine may be too noisy.",
    SearchEnd.TIME: "Time was over before the bracket was narrow and confirmed: see --at-most.",
    SearchEnd.UNREST: "Given up: the deployment did not answer what was left, so that a next step "
    "would have begun with a queue.",
    SearchEnd.INTERRUPTED: "Interrupted; this is what is known so far.",
}


class SearchPrinter:
    """A watcher that prints."""

    def __init__(self, console: Console) -> None:
        """`console`: where."""
        self._console = console

    def begins(self, number: int, offer: Offer) -> None:
        """Say what is tried."""
        self._console.print(
            f"[bold]{number:3}[/]  {offer.purpose.value:8} {words.rate(offer.rate_per_s):>10} "
            f"for {words.seconds(offer.seconds)}"
        )

    def ends(self, step: RateTrial) -> None:
        """Say what came of it."""
        colour = _COLOURS[step.word]
        self._console.print(f"     [{colour}]{step.word.value}[/] ", end="")
        self._console.print(step.why or _figures(step), markup=False, soft_wrap=True)

    def waits(self) -> None:
        """Say that it waits."""
        self._console.print("     waits until what is left is answered", style="dim")


def show_plan(console: Console, spec: SearchSpec, at_most_s: float, done: int) -> None:
    """Print what is going to happen."""
    scenario, bounds = spec.loaded.scenario, spec.bounds
    shares = ", ".join(f"{name} {words.share(share)}" for name, share in spec.mix.items())
    usual_s = spec.usual_s(bounds.start_per_s)
    console.print(f"[bold]{spec.loaded.name}[/]: {scenario.description}")
    console.print(
        f"From {words.rate(bounds.start_per_s)} (mix: {shares}), to within {words.share(bounds.precision)} "
        f"of the highest rate. A step measures {words.seconds(usual_s)} after "
        f"{words.seconds(spec.warm_up_s)} of warm-up; in all about "
        f"{words.seconds(spec.guessed_s)}, at most {words.seconds(at_most_s)}."
    )
    if done:
        console.print(f"The history has {done} steps; the search goes on after them.")


def show_answer(console: Console, spec: SearchSpec, answer: SearchAnswer) -> None:
    """Print the answer."""
    lower, upper, edge, fails = answer.bracket
    console.print()
    if _ENDS[answer.end]:
        console.print(_ENDS[answer.end], style="yellow")
    if lower is None:
        _show_nothing(console, spec, upper)
    else:
        each = ", ".join(f"{name} {words.rate(lower * s)}" for name, s in spec.mix.items())
        found = "" if answer.end is SearchEnd.FOUND else "at least "
        console.print(f"[bold]Highest rate: {found}{words.rate(lower)}[/] ({each})")
        if upper is not None:
            beyond = f"; {words.rate(fails)} fails" if fails and fails != upper else ""
            console.print(f"{words.rate(upper)} {edge.value}{beyond}.")
    if answer.limiting_target is not None:
        _show_limiting_target(console, answer.limiting_target)


def _show_nothing(console: Console, spec: SearchSpec, upper: float | None) -> None:
    if upper is None:
        return
    floor = ""
    if upper <= spec.bounds.least_per_s:
        floor = f"; below, {words.seconds(step_length.LONGEST_S)} have too few samples"
    console.print(f"Highest rate: below {words.rate(upper)}{floor}.", style="bold")


def _show_limiting_target(console: Console, bound: LimitingTarget) -> None:
    does = "Limited by" if bound.limits else "Nothing was missed; nearest to its bound is"
    console.print(f"{does} {bound.target}: {bound.figures}", markup=False)
    if bound.shape is not LimitShape.UNKNOWN:
        console.print(f"It is a {bound.shape.value}: {bound.why}.", markup=False)


def _figures(step: RateTrial) -> str:
    """Return the rulings that matter: what is missed, else what people asked for."""
    missed = [ruled for ruled in step.targets if ruled.outcome == "missed"]
    return "; ".join(_ruled(each) for each in missed or step.targets if missed or each.is_own)


def _ruled(ruled: TargetResult) -> str:
    margin = words.margin_of(ruled.margin, digits=0)
    return f"{ruled.target}: {ruled.shown}" + (f" ({margin})" if margin else "")
