"""What a tuning shows to people."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.report import words
from loadtest.tune.choice import MARGIN
from loadtest.tune.fit import Fit
from loadtest.tune.gain import Gain
from loadtest.tune.model import Predicted
from loadtest.tune.service import Setting
from loadtest.tune.setting_trial import SettingTrial
from loadtest.tune.spec import TuneSpec
from loadtest.tune.tuning import TuneAnswer, TuneEnd
from loadtest.verdict.verdict import VerdictWord

_FIT_S = 60.0
"""A guess: all bursts (bursts.py), and what runs them started."""
_START_S = 4.0
"""A guess: a daemon and the clients started, and ended."""
_MOST_RUNS = 9
"""Three N, each with three T (choice.py)."""
_BAR = 20
"""Characters: each is five per cent."""
MARGINS = f"A setting meets the targets when it leaves {MARGIN:.0%} of each one on latency."


class TunePrinter:
    """A watcher that prints."""

    def __init__(self, console: Console) -> None:
        """`console`: where."""
        self._console = console
        self._count = 0
        self._of = 0
        self._last: Setting | None = None

    def bursts(self, seconds: float) -> None:
        """Say how long the bursts take."""
        self._console.print(f"Bursts of known sizes, for about {words.seconds(seconds)}.")

    def fitted(self, found: Fit, proposed: Predicted, overhead_s: float) -> None:
        """Show the fit, its residuals, and the model's choice."""
        show_fit(self._console, found, overhead_s)
        _show_proposal(self._console, proposed)

    def sweeps(self, settings: Sequence[Setting], skipped: Sequence[Setting]) -> None:
        """Say what is going to be run."""
        self._of = len(settings)
        if skipped:
            told = "; ".join(map(setting_in_words, skipped))
            self._console.print(f"Not run, since full batches would not carry the rate: {told}.")

    def begins(self, setting: Setting, seconds: float, *, confirms: bool) -> None:
        """Say what is run."""
        self._count += setting != self._last
        what = f"{self._count:2} of {self._of}" if setting != self._last else "   again"
        self._last = setting
        what = "confirms" if confirms else what
        self._console.print(
            f"[bold]{what}[/]  {setting_in_words(setting)}, for {words.seconds(seconds)}"
        )

    def ends(self, run: SettingTrial) -> None:
        """Say what came of it."""
        colour = "green" if run.meets else "yellow"
        verdict = run.why or f"meets the targets ({words.margin_of(run.margin, digits=0)})"
        self._console.print(
            f"         {run.metric} {words.seconds(run.latency_s)}, busy {words.share(run.busy)}: ",
            end="",
            markup=False,
        )
        self._console.print(verdict, style=colour, markup=False, soft_wrap=True)


def guessed_s(wanted: TuneSpec) -> float:
    """Return about how long a tuning takes that measures the settings."""
    each_s = wanted.warm_up_s + _START_S
    return _FIT_S + _MOST_RUNS * (each_s + wanted.sweep_s) + each_s + wanted.confirm_s


def show_plan(console: Console, wanted: TuneSpec, *, can_restart: bool) -> None:
    """Print what is going to happen."""
    told = ", ".join(target.text for target in wanted.targets)
    console.print(
        f"[bold]{wanted.lane or wanted.traffic}[/]: {words.rate(wanted.rate_per_s)}, ", end=""
    )
    console.print(told, markup=False)
    if can_restart:
        console.print(
            f"The fit takes about a minute; then at most {_MOST_RUNS} runs of "
            f"{words.seconds(wanted.sweep_s)} after {words.seconds(wanted.warm_up_s)} of warm-up, "
            f"and one of {words.seconds(wanted.confirm_s)} that confirms: in all about "
            f"{words.seconds(guessed_s(wanted))}."
        )
    else:
        console.print(
            "This deployment is not restarted with other settings: it gets a fit and what the "
            "model proposes; --embedded measures and confirms it."
        )


def show_fit(console: Console, found: Fit, overhead_s: float) -> None:
    """Print the fit and its residuals."""
    table = _table("rows", "runs", "median run", "fit", "residual")
    for point in found.points:
        table.add_row(
            str(point.rows),
            str(point.runs),
            words.seconds(point.median_s),
            words.seconds(point.fitted_s),
            f"{point.residual * 100:+.1f}%",
        )
    console.print("\n[bold]Run time against rows[/]")
    console.print(table)
    console.print(
        f"run = {words.seconds(found.base_s)} + {words.seconds(found.per_row_s)} x rows, "
        f"R2 {found.r2:.4f}, worst residual {found.worst.residual * 100:+.1f}% at "
        f"{found.worst.rows} rows; the way there and back takes {words.seconds(overhead_s)} more."
    )
    gain = Gain.of(found)
    console.print(
        f"[bold]{gain.told}[/]. N above {gain.many}, the most that ran together, is not looked at."
    )
    if not found.is_line:
        console.print(
            "[yellow]It is no line[/], such as where run time rises in steps: the model goes by the "
            "medians instead."
        )


def show_answer(console: Console, wanted: TuneSpec, answer: TuneAnswer) -> None:
    """Print the trade-off and what to use."""
    if answer.runs:
        console.print("\n[bold]The trade-off[/], cheapest first")
        console.print(_trade_off(answer))
    console.print()
    if answer.end is TuneEnd.NOTHING_MEETS:
        console.print(
            f"[bold red]MISSED[/]: nothing that was run meets the targets with {MARGIN:.0%} to "
            f"spare. By the fit one executor carries {words.rate(_most_per_s(answer))} at most: offer "
            "less, relax the target, or add workers."
        )
        return
    if answer.end is TuneEnd.INTERRUPTED:
        console.print("[yellow]INTERRUPTED[/]: nothing is recommended; this is what is known.")
        return
    if answer.end is TuneEnd.PROPOSED:
        console.print("Proposed by the model, not confirmed:")
    else:
        last = answer.confirmed[-1]
        colour = "green" if last.word is VerdictWord.PASS else "red"
        console.print(
            f"[bold {colour}]{last.word.value}[/]: {setting_in_words(last.setting)}, "
            f"{last.metric} {words.seconds(last.latency_s)} over {words.seconds(last.seconds)}, "
            f"executor busy {words.share(last.busy)}"
        )
        if answer.end is TuneEnd.NOT_CONFIRMED:
            console.print(
                f"Nothing that met the targets was confirmed; the last run: {last.why or 'too few samples'}.",
                markup=False,
                soft_wrap=True,
            )
    if answer.recommended is not None:
        console.print(toml(wanted.lane, answer.recommended), markup=False, soft_wrap=True)


def toml(lane: str, setting: Setting) -> str:
    """Return the lines for the daemon's configuration."""
    return (
        f"\n[lanes.{lane or 'NAME'}]\nmax_rows = {setting.max_rows}\n"
        f'linger = "{linger(setting.linger_s)}"\n'
    )


def linger(seconds: float) -> str:
    """Return T as a configuration has it."""
    if seconds < 1e-3:  # noqa: PLR2004 - a millisecond
        return f"{seconds * 1e6:.0f}us"
    return f"{seconds * 1e3:g}ms" if seconds < 1 else f"{seconds:g}s"


def setting_in_words(setting: Setting) -> str:
    """Return a setting as people read it."""
    return f"N {setting.max_rows}, T {words.seconds(setting.linger_s)}"


def _show_proposal(console: Console, proposed: Predicted) -> None:
    what = (
        "proposes" if proposed.margin >= MARGIN else "finds nothing that meets the targets; nearest"
    )
    console.print(
        f"The model {what}: {setting_in_words(proposed.setting)}: batches of "
        f"{proposed.batch_rows:.3g} rows, latency {words.seconds(proposed.latency_s)}, executor busy "
        f"{words.share(proposed.busy)}.\n"
    )


def _most_per_s(answer: TuneAnswer) -> float:
    """Return the requests a second of batches of the size that costs least for each."""
    return max(
        point.rows / answer.fit.run_s(point.rows) / answer.request_rows
        for point in answer.fit.points
    )


def _trade_off(answer: TuneAnswer) -> Table:
    metric = answer.runs[0].metric
    table = _table("N", "T", metric, "throughput", "rows a batch", "busy", "", "")
    for run in sorted(answer.runs, key=lambda run: (run.busy, run.latency_s)):
        filled = 0 if math.isnan(run.busy) else min(round(run.busy * _BAR), _BAR)
        table.add_row(
            str(run.setting.max_rows),
            words.seconds(run.setting.linger_s),
            words.seconds(run.latency_s),
            words.rate(run.throughput_per_s),
            f"{run.batch_rows:.3g}",
            words.share(run.busy),
            "#" * filled + "." * (_BAR - filled),
            Text("meets", "green") if run.meets else Text(run.why.partition(":")[0], "yellow"),
        )
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, justify="right" if title else "left")
    return table
