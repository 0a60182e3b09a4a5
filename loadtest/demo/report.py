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
from loadtest.percentiles import summarize
from loadtest.processes.metrics import Metrics
from loadtest.wire import BATCH_ROWS

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
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    table = _table("kind", "files", "surest", "for example")
    for label, answers in ordered[:_LABELS_SHOWN]:
        score, path = max(answers)
        table.add_row(label, str(len(answers)), f"{score:.3f}", path.name)
    _print_titled(console, f"What the files are: {len(found)} kinds", table)
    rest = ordered[_LABELS_SHOWN:]
    if rest:
        told = ", ".join(f"{label} {len(answers)}" for label, answers in rest)
        console.print(f"and {told}", style="dim")


def show_latencies(console: Console, run: Run, lanes: list[Lane]) -> None:
    """Print each lane's latencies, counted from the time a request was meant to be sent."""
    table = _table("lane", "answers", "p50", "p95", "p99", "longest")
    for lane in lanes:
        latencies_s = run.latencies_s(lane.topic)
        if latencies_s:
            number, *seconds = summarize(latencies_s)
            table.add_row(lane.name, str(number), *(_time(each_s) for each_s in seconds))
    _print_titled(
        console, "How long answers took, from the moment a request was meant to be sent", table
    )


def show_batches(
    console: Console, run: Run, metrics: Metrics, lanes: list[Lane], duration_s: float
) -> None:
    """Print how the requests were gathered and what that saved."""
    table = _table("lane", "N", "T", "batches", "mean rows", "fill", "closed because")
    for lane in lanes:
        causes = metrics.by("cause", "flushes_total", lane=lane.name)
        batches = causes.total()
        mean_rows = _rows_in_batches(run, lane.topic) / batches if batches else 0.0
        told = ", ".join(f"{cause} {count}" for cause, count in causes.items() if count)
        numbers = (str(batches), f"{mean_rows:.1f}", f"{mean_rows / lane.max_rows:.0%}")
        table.add_row(lane.name, str(lane.max_rows), lane.linger, *numbers, told)
    _print_titled(console, "How they were gathered", table)
    calls, rows = metrics.total("batch_rows_count"), metrics.total("batch_rows_sum")
    answered = metrics.total("requests_total", outcome="ok")
    providers = ", ".join(metrics.by("provider", "model_info"))
    utilisation = metrics.total("executor_busy_seconds_total") / duration_s
    console.print(
        f"\n{answered:.0f} requests were answered by {calls:.0f} calls of the model; "
        f"{answered - rows:.0f} needed none (empty or a few bytes).\n"
        f"The model ({providers}) was busy {utilisation:.0%} of {duration_s:.1f} s."
    )
    runs_s = {
        lane.name: metrics.mean("stage_seconds", lane=lane.name, stage="run") for lane in lanes
    }
    slowest = max(runs_s, key=runs_s.__getitem__)
    console.print(
        f"A batch of the lane {slowest} ran for {_time(runs_s[slowest])}:"
        " whatever comes meanwhile, urgent or not, waits for its end."
    )


def _rows_in_batches(run: Run, topic: str) -> int:
    """Return how many answers of `topic` came out of the model, one row each."""
    replies = (each.reply for each in run.exchanges if each.request.topic == topic)
    return sum(reply is not None and BATCH_ROWS in reply.headers for reply in replies)


def show_verdict(console: Console, run: Run, files: Mapping[bytes, Path]) -> bool:
    """Print what is missing or failed; return whether everything was answered with a result."""
    verdict = run.verdict
    if verdict.lost:
        names = ", ".join(str(files[each]) for each in verdict.lost[:_IDS_SHOWN])
        console.print(f"\n[bold red]Unanswered: {len(verdict.lost)}[/], such as {names}")
    else:
        console.print("\n[bold green]Unanswered: none.[/]")
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


def _table(*titles: str) -> Table:
    """Return a table whose words stand on the left and whose numbers on the right."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        words = title in {"kind", "lane", "for example", "closed because"}
        table.add_column(title, justify="left" if words else "right", overflow="fold")
    return table


def _print_titled(console: Console, title: str, table: Table) -> None:
    console.print(f"\n[bold]{title}[/]")
    console.print(table)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
