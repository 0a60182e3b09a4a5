"""What the terminal shows of a day."""

from rich.console import Console
from rich.table import Table

from loadtest.office_hours.computed.comparison import Comparison
from loadtest.office_hours.computed.day import BY_MINUTE, BY_SECOND
from loadtest.office_hours.computed.hours import Hours
from loadtest.office_hours.measuring import MeasuredCosts
from loadtest.report import words

_BARS = " ▁▂▃▄▅▆▇█"


def show_hours(console: Console, hours: Hours, source: str) -> None:
    """Print the day's profile."""
    most = max(hours)
    bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in hours)
    console.print(
        f"[bold]A day of {sum(hours):,} requests[/], {most:,} in its busiest hour ({source}):\n"
        f"  0 h |{bars}| 24 h"
    )


def show_measured(console: Console, measured: MeasuredCosts) -> None:
    """Print what was measured, and a turn computed beside the same turn seen."""
    fit = measured.fit
    starts = ", ".join(words.seconds(life.start_s) for life in measured.lives)
    console.print("\n[bold]Measured[/] on a live daemon and Kafka of this machine")
    console.print(
        f"  run time: {words.seconds(fit.base_s)} + {words.seconds(fit.per_row_s)} a row"
        f" (worst residual {fit.worst.residual:+.0%} at {fit.worst.rows} rows)"
        + ("" if fit.is_line else "; that is no line, so medians are used, and what lies between")
    )
    console.print(
        f"  a worker's start until it serves: {words.seconds(measured.start_s)} ({starts});"
        f" its end: {words.seconds(measured.end_s)},\n  and {words.seconds(measured.dismissal_s)}"
        " where a supervisor ends it"
    )
    seen = ", ".join(words.seconds(each) for each in measured.turns_s)
    console.print(
        f"  a whole turn of `tidemill run --until-caught-up` with {measured.turn_rows} waiting:"
        f" computed {words.seconds(measured.computed_turn_s)},"
        f" seen {words.seconds(measured.turn_s)} ({seen})"
    )


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print a day in all its ways."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    titles = (
        "machine-h", "by the minute", "times less", "busy", "starts", "worst wait", "mean wait",
    )  # fmt: skip
    for title in titles:
        table.add_column(title, justify="right")
    for way in comparison.ways:
        day = way.day
        table.add_row(
            way.name,
            f"{BY_SECOND.hours(day.ups):.2f}",
            f"{BY_MINUTE.hours(day.ups):.2f}" if way.is_own else "-",
            f"{comparison.times_less(way):.1f} x",
            words.share(float(f"{day.utilisation:.2g}")),
            f"{len(day.ups):,}",
            words.seconds(day.worst_s),
            words.seconds(day.mean_s),
        )
    console.print(f"\n[bold]The day, computed[/] for {comparison.model}")
    console.print(table)
    console.print(
        f"  In that day the model runs for {words.seconds(comparison.ways[0].day.busy_s)} one by one,"
        f" for {words.seconds(comparison.ways[2].day.busy_s)} by the clock."
    )
    if comparison.is_too_much:
        console.print(
            "  One by one the busiest hour is "
            f"{comparison.busiest:.1f} hours of work: it takes more machines than the one here.",
            style="yellow",
        )


def show_terms(console: Console, boot_s: float) -> None:
    """Print what the figures count and what they leave out."""
    console.print(
        f"\n  Computed, not run. {words.seconds(boot_s)} from asking for a machine until a process"
        " starts on it are assumed (--boot), the rest\n  is measured. machine-h: billed by the"
        " second; by the minute: in whole minutes, one at least for each start. A machine-hour\n"
        "  costs the same in every row, so money goes by these ratios. One machine; the way through"
        " Kafka (milliseconds) is in no wait;\n  whoever starts machines and workers by the clock"
        " (systemd, a CronJob, a cloud's scheduler) is in no row: docs/one-shot.md.",
        style="dim",
    )
