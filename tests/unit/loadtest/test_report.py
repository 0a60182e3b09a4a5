"""What the demo says at its end is what happened."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.check import Checker
from loadtest.client import Exchange, Run
from loadtest.demo import report
from loadtest.processes.metrics import Metrics
from loadtest.wire import ERROR, OK, Outgoing, Reply

_LANES = [report.Lane("standard", "documents", 64, "2s")]
_METRICS = Metrics(
    """\
tidemill_flushes_total{lane="standard",cause="full"} 1
tidemill_flushes_total{lane="standard",cause="linger"} 2
tidemill_requests_total{lane="standard",outcome="ok"} 100
tidemill_batch_rows_sum{model="filetype"} 96
tidemill_batch_rows_count{model="filetype"} 3
tidemill_model_info{model="filetype",digest="f",provider="CPU"} 1
tidemill_executor_busy_seconds_total{model="filetype"} 2.5
tidemill_stage_seconds_sum{lane="standard",stage="run"} 2.4
tidemill_stage_seconds_count{lane="standard",stage="run"} 3
"""
)


def _run(*answers):
    """A run in which answer n, (status, label) or None, took n + 1 seconds."""
    checker, exchanges = Checker(), []
    for number, answer in enumerate(answers):
        correlation = b"%d" % number
        checker.sent(correlation)
        reply = None
        if answer is not None:
            status, label = answer
            body = json.dumps({"label": label, "score": 0.9}).encode()
            headers = {} if label == "empty" else {"batch-rows": b"2"}
            reply = Reply(correlation, status, "too_large", "in/0/1", body, headers, number + 1.0)
            checker.received([reply])
        exchanges.append(Exchange(Outgoing("documents", correlation, b""), 0.0, 0.0, reply))
    return Run(exchanges, checker.verdict())


@pytest.fixture
def console():
    return Console(record=True, width=100)


@pytest.fixture
def files():
    return {b"%d" % number: Path(f"file{number}.py") for number in range(9)}


def test_labels_are_counted_with_an_example(console, files):
    report.show_labels(console, _run((OK, "python"), (OK, "txt"), (OK, "python")), files)
    shown = console.export_text()
    assert "2 kinds" in shown
    assert [line.split() for line in shown.splitlines() if "python" in line] == [
        ["python", "2", "0.900", "file2.py"]
    ]


def test_latencies_are_shown_per_lane(console):
    report.show_latencies(console, _run((OK, "python"), (OK, "txt")), _LANES)
    row = " ".join(console.export_text().splitlines()[-1].split())
    assert row == "standard 2 1.00 s 2.00 s 2.00 s 2.00 s"


def test_batches_are_shown_with_what_they_saved(console):
    run = _run(*[(OK, "python")] * 96, (OK, "empty"))
    report.show_batches(console, run, _METRICS, _LANES, 10.0)
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert "standard 64 2s 3 32.0 50% linger 2, full 1" in lines
    assert "100 requests were answered by 3 calls of the model; 4 needed none" in " ".join(lines)
    assert "The model (CPU) was busy 25% of 10.0 s." in lines


def test_how_long_a_running_batch_is_waited_for_is_shown(console):
    report.show_batches(console, _run((OK, "python")), _METRICS, _LANES, 10.0)
    assert "A batch of the lane standard ran for 800 ms:" in console.export_text()


def test_all_answered_is_well(console, files):
    assert report.show_verdict(console, _run((OK, "python")), files)
    assert "Unanswered: none." in console.export_text()


def test_an_unanswered_file_is_named_and_not_well(console, files):
    assert not report.show_verdict(console, _run((OK, "python"), None), files)
    assert "Unanswered: 1, such as file1.py" in console.export_text()


def test_an_error_is_named_and_not_well(console, files):
    assert not report.show_verdict(console, _run((OK, "python"), (ERROR, "")), files)
    assert "too_large 1" in console.export_text()


def test_the_end_shows_the_exit_code_and_what_led_to_it(console):
    events = [{"event": name} for name in ("worker.started", "signal.received", "worker.stopped")]
    report.show_end(console, 0, 0.25, events)
    shown = " ".join(console.export_text().split())
    assert "exit code 0 after 0.2 s (signal.received, worker.stopped)" in shown
