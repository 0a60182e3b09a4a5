"""What the demo shows at its end."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from loadtest.check import is_result
from loadtest.client import Run
from loadtest.metrics import Metrics
from loadtest.percentiles import summarize

_LABELS_SHOWN = 15
_IDS_SHOWN = 5


class Lane(NamedTuple):
    """A lane as the configuration has it."""

    name: str
    topic: str
    max_rows: int
    linger: str


def show_labels(console: Console, run: Run, files: Mapping[bytes, Path]) -> None:
    """Print which labels were found, how often, and the surest file of each."""
    found: dict[str, list[tuple[float, Path]]] = defaultdict(list)
    for exchange in run.exchanges:
        if exchange.reply is not None and is_result(exchange.reply):
            answer = json.loads(exchange.reply.body or b"{}")
            found[answer["label"]].append((answer["score"], files[exchange.request.correlation]))
    table = _table(f"What the files are: {len(found)} kinds")
    table.add_column("kind")
    table.add_column("files", justify="right")
    table.add_column("surest", justify="right")
    table.add_column("for example", overflow="ellipsis", no_wrap=True)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    for label, answers in ordered[:_LABELS_SHOWN]:
        score, path = max(answers)
        table.add_row(label, str(len(answers)), f"{score:.3f}", path.name)
    rest = ordered[_LABELS_SHOWN:]
    if rest:
        files_left = sum(len(answers) for _, answers in rest)
        table.add_row(f"{len(rest)} more", str(files_left), "", ", ".join(name for name, _ in rest))
    console.print(table)


def show_latencies(console: Console, run: Run, lanes: list[Lane]) -> None:
    """Print each lane's latencies, counted from the time a request was meant to be sent."""
    table = _table("How long answers took, from the moment a request was meant to be sent")
    for title in ("lane", "N", "T", "answers", "p50", "p95", "p99", "longest"):
        table.add_column(title, justify="left" if title == "lane" else "right")
    for lane in lanes:
        latencies_s = run.latencies_s(lane.topic)
        if latencies_s:
            number, *seconds = summarize(latencies_s)
            times = [_time(each_s) for each_s in seconds]
            table.add_row(lane.name, str(lane.max_rows), lane.linger, str(number), *times)
    console.print(table)


def show_batches(console: Console, metrics: Metrics, lanes: list[Lane], duration_s: float) -> None:
    """Print how the requests were gathered and what that saved."""
    table = _table("How they were gathered")
    table.add_column("lane")
    table.add_column("batches", justify="right")
    table.add_column("closed because")
    for lane in lanes:
        causes = metrics.by("cause", "flushes_total", lane=lane.name)
        told = ", ".join(f"{cause} {count}" for cause, count in causes.items() if count)
        table.add_row(lane.name, str(causes.total()), told)
    console.print(table)
    calls, rows = metrics.total("batch_rows_count"), metrics.total("batch_rows_sum")
    answered = metrics.total("requests_total", outcome="ok")
    console.print(
        f"{answered:.0f} requests were answered by {calls:.0f} calls of the model, "
        f"{metrics.mean('batch_rows'):.1f} rows each; batches were "
        f"{metrics.mean('batch_fill_ratio'):.0%} full.\n"
        f"{answered - rows:.0f} needed no model (empty or a few bytes). The model was busy "
        f"{metrics.total('executor_busy_seconds_total') / duration_s:.0%} of {duration_s:.1f} s."
    )


def show_verdict(console: Console, run: Run, files: Mapping[bytes, Path]) -> bool:
    """Print what is missing or failed; return whether everything was answered with a result."""
    verdict = run.verdict
    if verdict.lost:
        names = ", ".join(str(files[each]) for each in verdict.lost[:_IDS_SHOWN])
        console.print(f"[bold red]Unanswered: {len(verdict.lost)}[/], such as {names}")
    else:
        console.print("[bold green]Unanswered: none.[/]", end=" ")
    if verdict.codes:
        told = ", ".join(f"{code} {count}" for code, count in verdict.codes.items())
        console.print(f"[bold red]Not answered with a result: {told}[/]")
    if verdict.repeated:
        console.print(f"Answered more than once: {len(verdict.repeated)}")
    return not (verdict.lost or verdict.codes or verdict.wrong)


def show_end(console: Console, exit_code: int, took_s: float, events: list[dict[str, Any]]) -> None:
    """Print how the daemon ended."""
    names = [str(event["event"]) for event in events]
    last = names[names.index("signal.received") :] if "signal.received" in names else names[-3:]
    colour = "green" if exit_code == 0 else "red"
    console.print(
        f"SIGTERM: the daemon ended with [bold {colour}]exit code {exit_code}[/] after "
        f"{took_s:.1f} s ({', '.join(last)})."
    )


def _table(title: str) -> Table:
    return Table(
        title=f"\n{title}", title_justify="left", title_style="bold", box=None, pad_edge=False
    )


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
