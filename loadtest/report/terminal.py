"""The report for people, at the end of a run."""

from rich.console import Console
from rich.table import Table

from loadtest.report import words
from loadtest.verdict.figures import Figures
from loadtest.verdict.findings import Findings
from loadtest.verdict.judge import Ruling, TargetOutcome
from loadtest.verdict.verdict import Verdict, VerdictWord

_COLOURS = {
    TargetOutcome.MET: "green",
    TargetOutcome.MISSED: "red",
    TargetOutcome.UNDECIDED: "yellow",
    VerdictWord.PASS: "green",
    VerdictWord.MISSED: "red",
    VerdictWord.INVALID: "yellow",
    VerdictWord.INTERRUPTED: "yellow",
}
_PERCENTILES = (50, 90, 99, 99.9)


def show(console: Console, findings: Findings, verdict: Verdict) -> None:
    """Print figures, targets and verdict."""
    _show_classes(console, findings)
    _show_stages(console, findings)
    _show_daemon(console, findings)
    _show_targets(console, verdict)
    for doubt in verdict.doubts:
        console.print(f"[yellow]invalid:[/] {doubt}")
    met = sum(ruling.outcome is TargetOutcome.MET for ruling in verdict.rulings)
    console.print(
        f"\n[bold {_COLOURS[verdict.word]}]{verdict.word.value}[/]: {met} of "
        f"{len(verdict.rulings)} targets met; exit code {verdict.exit.value}"
    )


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, justify="left" if title in {"class", "target", ""} else "right")
    return table


def _show_classes(console: Console, findings: Findings) -> None:
    counts = _table(
        "class", "sent", "results", "errors", "missing", "repeats", "wrong", "results/s"
    )
    names = [f"p{percent:g}" for percent in _PERCENTILES]
    times = _table("class", *names, "longest", "p99 is in", "send delay p99")
    shown = {**findings.by_class, "all": findings.whole}
    if len(findings.by_class) == 1:
        del shown["all"]
    for name, figures in shown.items():
        counts.add_row(name, *_counts(figures))
        times.add_row(name, *_times(figures))
    console.print("\n[bold]Requests[/]")
    console.print(counts)
    for name, figures in findings.by_class.items():
        if figures.errors:
            told = ", ".join(f"{code} {count:,}" for code, count in figures.errors.most_common())
            console.print(f"  {name}: {told}", style="dim")
    console.print("\n[bold]Latency[/], from the time a request was meant to leave to its reply")
    console.print(times)
    if findings.warm_up is not None:
        warm_up = findings.warm_up
        console.print(
            f"  Not counted, as warm-up: {warm_up.sent:,} requests, {warm_up.missing:,} missing,"
            f" {warm_up.errors.total():,} errors.",
            style="dim",
        )
    if findings.whole.in_flight:
        console.print(
            f"  In flight when it was interrupted: {findings.whole.in_flight:,}, counted in nothing else.",
            style="dim",
        )
    if findings.foreign:
        console.print(f"  Replies to others: {findings.foreign:,}.", style="dim")


def _counts(figures: Figures) -> list[str]:
    throughput = figures.throughput.value if figures.throughput else float("nan")
    numbers = (
        figures.sent,
        figures.results,
        figures.errors.total(),
        figures.missing,
        figures.duplicates,
    )
    wrong = f"{figures.wrong:,}" if figures.checked else "-"
    return [*(f"{number:,}" for number in numbers), wrong, words.rate(throughput)]


def _times(figures: Figures) -> list[str]:
    latencies = figures.latencies
    if not latencies.samples:
        return ["-"] * (len(_PERCENTILES) + 3)
    low, high = latencies.interval(99)
    return [
        *(words.seconds(latencies.percentile(percent)) for percent in _PERCENTILES),
        words.seconds(latencies.longest_s),
        f"{words.seconds(low)} .. {words.seconds(high)}",
        words.seconds(figures.lateness.percentile(99)),
    ]


def _show_stages(console: Console, findings: Findings) -> None:
    stations = list(
        dict.fromkeys(name for each in findings.by_class.values() for name in each.stages)
    )
    if not any(figures.stages for figures in findings.by_class.values()):
        return
    table = _table("class", *(f"{name} {which}" for name in stations for which in ("p50", "p99")))
    for name, figures in findings.by_class.items():
        cells = [
            words.seconds(figures.stages[station].percentile(percent))
            for station in stations
            for percent in (50, 99)
            if station in figures.stages
        ]
        table.add_row(name, *cells)
    console.print("\n[bold]Where it went[/], by what the daemon's replies say")
    console.print(table)


def _show_daemon(console: Console, findings: Findings) -> None:
    daemon = findings.daemon
    if daemon is not None:
        console.print(
            f"\n[bold]Daemon[/]: executor busy {words.share(daemon.utilisation)}, memory "
            f"{words.amount(daemon.memory_bytes / 2**20)} MiB ({words.growth(daemon.memory_growth)} from "
            f"first to last quarter), {words.amount(daemon.descriptors)} open files "
            f"({words.growth(daemon.descriptor_growth, is_share=False)})."
        )


def _show_targets(console: Console, verdict: Verdict) -> None:
    table = _table("", "target", "value", "95% interval", "bound", "margin")
    for ruling in verdict.rulings:
        colour = _COLOURS[ruling.outcome]
        table.add_row(f"[{colour}]{ruling.outcome.value}[/]", *row(ruling))
    console.print("\n[bold]Targets[/]")
    console.print(table)
    for ruling in verdict.rulings:
        if ruling.why:
            console.print(f"  [yellow]undecided:[/] {_escaped(ruling.target.text)}: {ruling.why}")


def row(ruling: Ruling) -> list[str]:
    """Return target, value, interval, bound and margin of a ruling as texts."""
    return [
        _escaped(ruling.target.text),
        words.value(ruling, ruling.value),
        words.interval(ruling),
        words.bound(ruling),
        words.margin(ruling),
    ]


def _escaped(text: str) -> str:
    """A class in brackets is no markup."""
    return text.replace("[", "\\[")
