"""What the demo shows at its end."""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from loadtest.demo.traffic import Answers
from loadtest.processes.metrics import Metrics
from loadtest.traffic.records import Outcome, nearest_rank
from loadtest.traffic.seen import Seen

_LABELS_SHOWN = 15
_FILES_SHOWN = 5


class DemoLane(NamedTuple):
    """A lane as the configuration has it."""

    name: str
    topic: str
    max_rows: int
    linger: str


def show_labels(console: Console, answers: Answers) -> None:
    """Print which labels were found, how often, and the surest file of each."""
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for number in np.flatnonzero(answers.seen.records.outcome == Outcome.RESULT).tolist():
        answer = json.loads(answers.replies[number] or b"{}")
        found[answer["label"]].append((answer["score"], answers.files[number].name))
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    table = _table("kind", "files", "surest", "for example")
    for label, surest in ordered[:_LABELS_SHOWN]:
        score, name = max(surest)
        table.add_row(label, str(len(surest)), f"{score:.3f}", name)
    _print_titled(console, f"What the files are: {len(found)} kinds", table)
    rest = ordered[_LABELS_SHOWN:]
    if rest:
        told = ", ".join(f"{label} {len(surest)}" for label, surest in rest)
        console.print(f"and {told}", style="dim")


def show_latencies(console: Console, seen: Seen, lanes: list[DemoLane]) -> None:
    """Print each lane's latencies, counted from the time a request was meant to be sent.

    `lanes`: in the order of the streams that were sent.
    """
    table = _table("lane", "answers", "p50", "p95", "p99", "longest")
    rows = seen.records
    for number, lane in enumerate(lanes):
        latency_s = rows.latency_s[(rows.stream == number) & (rows.outcome == Outcome.RESULT)]
        if len(latency_s):
            shown = (nearest_rank(latency_s, percent) for percent in (50, 95, 99, 100))
            table.add_row(lane.name, str(len(latency_s)), *map(_time, shown))
    _print_titled(
        console, "How long answers took, from the moment a request was meant to be sent", table
    )


def show_batches(
    console: Console, seen: Seen, metrics: Metrics, lanes: list[DemoLane], duration_s: float
) -> None:
    """Print how the requests were gathered and what that saved."""
    table = _table("lane", "N", "T", "batches", "mean rows", "fill", "closed because")
    for number, lane in enumerate(lanes):
        causes = metrics.by("cause", "flushes_total", lane=lane.name)
        batches = causes.total()
        mean_rows = _rows_in_batches(seen, number) / batches if batches else 0.0
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


def show_waits(console: Console, status: Mapping[str, Any]) -> None:
    """Print what the daemon says of how long a request may have to wait, however urgent it is, and why.

    `status`: its /status.json.
    """
    table = _table("lane", "")
    for wait in status["waits"]:
        table.add_row(wait["lane"], wait["told"])
    _print_titled(
        console, "What a request may wait for, however urgent, since no run is interrupted", table
    )
    for model in status["models"]:
        if model["gain"] is not None:
            console.print(
                f"{model['name']} ran {model['gain']:.2g} x as many rows a second in its batches as alone."
            )


def _rows_in_batches(seen: Seen, stream: int) -> int:
    """Return how many answers of a stream came out of the model, one row each."""
    stages = seen.stages
    ours = seen.records.stream[stages.numbers] == stream
    return int(np.count_nonzero(ours & (stages.batch_rows > 0)))


def show_verdict(console: Console, answers: Answers) -> bool:
    """Print what is missing or failed; return whether everything was answered with a result."""
    account = answers.seen.account()
    if account.lost:
        lost = np.flatnonzero(answers.seen.records.outcome == Outcome.NONE).tolist()
        names = ", ".join(str(answers.files[number]) for number in lost[:_FILES_SHOWN])
        console.print(f"\n[bold red]Unanswered: {account.lost}[/], such as {names}")
    else:
        console.print("\n[bold green]Unanswered: none.[/]")
    if account.errors:
        told = ", ".join(f"{code} {count}" for code, count in account.errors.items())
        console.print(f"[bold red]Not answered with a result: {told}[/]")
    if account.repeated:
        console.print(f"Answered more than once: {account.repeated}")
    return not (account.lost or account.errors)


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
        words = title in {"kind", "lane", "for example", "closed because", ""}
        table.add_column(title, justify="left" if words else "right", overflow="fold")
    return table


def _print_titled(console: Console, title: str, table: Table) -> None:
    console.print(f"\n[bold]{title}[/]")
    console.print(table)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
