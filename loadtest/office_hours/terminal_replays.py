"""What the terminal shows of replays: how they go, then computed beside seen."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from loadtest.office_hours.computed.compression import BUSINESS_HOURS, LEAST_STARTS, Compression
from loadtest.office_hours.computed.day import Day
from loadtest.office_hours.replay_by_clock import (
    BUSY,
    SHARE,
    WORKER_SECONDS,
    ReplayedByClock,
    ReplayTarget,
)
from loadtest.office_hours.replay_by_load import FACTOR, IDLE_S
from loadtest.office_hours.supervised import COMMIT_S, LOOK_S, Replayed, Told
from loadtest.report import words

_ROWS = (
    "worker-seconds",
    "times a worker was there",
    "worst wait",
    "mean wait",
    "requests with a result",
)
_SHARES = ("of a worker that is always up", "busy while it was there")


@contextmanager
def answers(console: Console, requests: int) -> Iterator[Told]:
    """Show how many are answered, on a terminal."""
    columns = (TextColumn("answered"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=requests)
        yield lambda _, answered: bar.update(task, completed=answered)


@contextmanager
def answers_by_opening(console: Console, compression: Compression, requests: int) -> Iterator[Told]:
    """Show how many are answered: on a terminal as it changes, else with each opening."""
    passed = 0

    def told(at_s: float, answered: int) -> None:
        nonlocal passed
        opened = compression.opened(at_s)
        if opened > passed and not console.is_terminal:
            console.print(
                f"  opening {opened} of {compression.part.openings}:"
                f" {answered:,} of {requests:,} answered before it"
            )
        passed = max(passed, opened)
        shown(at_s, answered)

    with answers(console, requests) as shown:
        yield told


def show_compression(console: Console, compression: Compression, file_s: float) -> None:
    """Print how some hours are to be replayed."""
    part = compression.part
    document_s = compression.files * file_s
    console.print(
        f"\n[bold]The hours from {part.hours} by the clock[/], {compression.factor:.3g} times as fast: an"
        f" opening every {words.seconds(compression.interval_s)} instead of"
        f" {words.seconds(part.linger_s)}, {words.seconds(compression.takes_s)} in all ..."
    )
    files = f"{compression.files} files" if compression.files > 1 else "a file"
    console.print(
        f"  Cron: {compression.expression}. Between two openings is room for {LEAST_STARTS} starts. A document is"
        f" {files}, {words.seconds(document_s)} of the model:\n  as much of the time as"
        f" {words.seconds(document_s * compression.factor)} (--run-time) are of the day.",
        style="dim",
        markup=False,
    )


def show_by_load(console: Console, replayed: Replayed) -> None:
    """Print the compressed day, computed and seen."""
    console.print(
        f"\n[bold]The day, replayed[/] under `tidemill supervise`, {FACTOR:g} times as fast, in"
        f" {words.seconds(replayed.took_s)}"
    )
    _show_table(console, _ROWS, _columns(replayed))
    _show_account(console, replayed)
    console.print(
        f"  T is as much shorter; starts are not ({words.seconds(replayed.start_s * FACTOR)} of this"
        f" day), and a worker ends when it was idle for {IDLE_S:g} s.\n  Looks every"
        f" {LOOK_S:g} s, commits every {COMMIT_S:g} s. A request that waits for its T keeps its"
        " worker up: by load the machine sleeps only\n  while nothing waits; it sleeps through T"
        " where a lane opens by the clock.",
        style="dim",
    )


def show_by_clock(console: Console, shown: ReplayedByClock, documents: int) -> None:
    """Print the compressed hours, computed and seen, and whether they are as they should be.

    `documents`: how many come in the business hours.
    """
    compression, replayed = shown.compression, shown.replayed
    hours = compression.part.hours
    console.print(
        f"\n[bold]The hours from {hours}, replayed by the clock[/] under `tidemill supervise`,"
        f" {compression.factor:.3g} times as fast, in {words.seconds(replayed.took_s)}"
    )
    shares = [
        *(_shares(day, compression.takes_s) for day in (replayed.computed, replayed.again)),
        [words.share(_rounded(share)) for share in (shown.share, shown.utilisation)],
    ]
    columns = [[*few, *many] for few, many in zip(shares, _columns(replayed), strict=True)]
    _show_table(console, (*_SHARES, *_ROWS), columns)
    _show_account(console, replayed)
    console.print(
        f"  A worker was there for {words.seconds(shown.ahead_s)} before its opening, and for"
        f" {words.seconds(shown.after_s)} after its last reply, on average."
    )
    for target in shown.targets:
        _show_target(console, target)
    if shown.deviation_again is not None:
        console.print(
            f"  Beside what was computed again: {shown.deviation_again:+.1%} worker-seconds."
        )
    whole = shown.share_of(BUSINESS_HOURS._replace(linger_s=compression.part.linger_s), documents)
    console.print(
        f"  Starts are as slow as they are, so they weigh {compression.factor:.3g} times what they do"
        f" in the day. With what a window cost here\n  beside its runs, the hours from"
        f" {BUSINESS_HOURS.hours} as they are take {_fraction(whole)} of a worker that is always up.",
        style="dim",
    )


def _show_target(console: Console, target: ReplayTarget) -> None:
    value, bound = {
        WORKER_SECONDS: (
            f"{target.value:+.1%} worker-seconds beside what was computed",
            f"{target.bound:.0%} off at most, on a machine that does nothing else",
        ),
        SHARE: (
            f"{_fraction(target.value)} of a worker that is always up",
            f"{_fraction(target.bound)} at most",
        ),
        BUSY: (
            f"{target.value:.0%} busy between the first and the last batch of a window",
            f"{target.bound:.0%} at least",
        ),
    }[target.name]
    word = "[green]met[/]" if target.is_met else "[yellow]missed[/]"
    console.print(f"  {word}: {value} ({bound})")


def _show_table(console: Console, titles: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for title in ("computed", "computed again", "seen"):
        table.add_column(title, justify="right")
    for row in zip(titles, *columns, strict=True):
        table.add_row(*row)
    console.print(table)


def _show_account(console: Console, replayed: Replayed) -> None:
    account = replayed.account
    lost = f"[bold red]{account.lost} requests without reply[/]" if account.lost else "none lost"
    errors = f", errors: {dict(account.errors)}" if account.errors else ""
    starts = ", ".join(words.seconds(each) for each in replayed.starts_s)
    console.print(
        f"  A worker's start took {words.seconds(replayed.start_s)} when it was measured, {starts} in"
        f" the replay; runs took {replayed.slower:.2g} times\n  as long. Computed again is the same day"
        " on the starts and run times of the replay."
    )
    console.print(f"  {lost}, {account.repeated} answered more than once{errors}")


def _columns(replayed: Replayed) -> list[list[str]]:
    """Return what was computed, computed again and seen, each in the order of _ROWS."""
    latencies_s = replayed.latencies_s
    mean_s = sum(latencies_s) / len(latencies_s) if latencies_s else float("nan")
    seen = [
        f"{replayed.worker_s:.1f}",
        f"{len(replayed.ups)}",
        words.seconds(max(latencies_s, default=float("nan"))),
        words.seconds(mean_s),
        f"{len(latencies_s):,} of {replayed.account.sent:,}",
    ]
    return [_computed(replayed.computed), _computed(replayed.again), seen]


def _computed(day: Day | None) -> list[str]:
    if day is None:
        return ["-"] * len(_ROWS)
    return [
        f"{day.up_s:.1f}",
        f"{len(day.ups)}",
        words.seconds(day.worst_s),
        words.seconds(day.mean_s),
        f"{len(day.wait_s):,}",
    ]


def _shares(day: Day | None, always_s: float) -> list[str]:
    """Return a computed day in the order of _SHARES."""
    if day is None:
        return ["-"] * len(_SHARES)
    return [words.share(_rounded(share)) for share in (day.up_s / always_s, day.utilisation)]


def _rounded(share: float) -> float:
    return round(share, 3)


def _fraction(share: float) -> str:
    """Return a share as people say it: 1/9.3."""
    return f"1/{1 / share:.3g}" if share else "nothing"
