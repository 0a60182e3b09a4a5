"""What the demo says at its end is what happened."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.demo import report
from loadtest.demo.traffic import Answers
from loadtest.processes.metrics import Metrics
from loadtest.wire import ERROR, OK
from tests import shown
from tests.unit.loadtest.runs import made_plan, recorded, reply, seen

_LANES = [report.DemoLane("standard", "documents", 64, "2s")]
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


def _answers(*answers):
    """What came back where answer n, (status, label) or None, took n + 1 seconds."""
    recorder, bodies = recorded(made_plan(len(answers))), {}
    intended_s = recorder.records().intended_s.copy()
    for number, answer in enumerate(answers):
        if answer is None:
            continue
        status, label = answer
        bodies[number] = json.dumps({"label": label, "score": 0.9}).encode()
        said = {"stages": "wait=1"} | ({} if label == "empty" else {"batch_rows": "2"})
        error = {} if status == OK else {"error_code": "too_large"}
        made = reply(recorder.correlation(number), status, **said, **error)
        recorder.receive([made], float(intended_s[number]) + number + 1.0)
    files = [Path(f"file{number}.py") for number in range(len(answers))]
    return Answers(seen(recorder), bodies, files)


@pytest.fixture
def console():
    return Console(record=True, width=100)


def test_labels_are_counted_with_an_example(console):
    report.show_labels(console, _answers((OK, "python"), (OK, "txt"), (OK, "python")))
    printed = console.export_text()
    assert "2 kinds" in printed
    assert [line.split() for line in printed.splitlines() if "python" in line] == [
        ["python", "2", "0.900", "file2.py"]
    ]


def test_latencies_are_shown_per_lane(console):
    report.show_latencies(console, _answers((OK, "python"), (OK, "txt")).seen, _LANES)
    row = " ".join(console.export_text().splitlines()[-1].split())
    assert row == "standard 2 1.00 s 2.00 s 2.00 s 2.00 s"


def test_batches_are_shown_with_what_they_saved(console):
    run = _answers(*[(OK, "python")] * 96, (OK, "empty"))
    report.show_batches(console, run.seen, _METRICS, _LANES, 10.0)
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert "standard 64 2s 3 32.0 50% linger 2, full 1" in lines
    assert "100 requests were answered by 3 calls of the model; 4 needed none" in " ".join(lines)
    assert "The model (CPU) was busy 25% of 10.0 s." in lines


def test_what_an_urgent_request_may_wait_for_is_said_as_the_daemon_says_it(console):
    page = shown.idle(2).status.document()
    report.show_waits(console, page)
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert (
        "urgent may wait 27 ms for a run of standard's 64 rows; cutting it to 20 ms would cost 27 %"
        in lines
    )


def test_what_batches_gained_is_said(console):
    page = shown.busy(1, 70).status.document()
    report.show_waits(console, page)
    assert f"{page['models'][0]['gain']:.2g} x as many rows a second" in console.export_text()


def test_of_what_nothing_ran_no_gain_is_said(console):
    report.show_waits(console, shown.idle(1).status.document())
    assert "as many rows" not in console.export_text()


def test_all_answered_is_well(console):
    assert report.show_verdict(console, _answers((OK, "python")))
    assert "Unanswered: none." in console.export_text()


def test_an_unanswered_file_is_named_and_not_well(console):
    assert not report.show_verdict(console, _answers((OK, "python"), None))
    assert "Unanswered: 1, such as file1.py" in console.export_text()


def test_an_error_is_named_and_not_well(console):
    assert not report.show_verdict(console, _answers((OK, "python"), (ERROR, "")))
    assert "too_large 1" in console.export_text()


def test_the_end_shows_the_exit_code_and_what_led_to_it(console):
    events = [{"event": name} for name in ("worker.started", "signal.received", "worker.stopped")]
    report.show_end(console, 0, 0.25, events)
    printed = " ".join(console.export_text().split())
    assert "exit code 0 after 0.2 s (signal.received, worker.stopped)" in printed
