"""What a run says: JSON, JUnit XML, raw rows, words, the line while it runs."""

import csv
import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from loadtest.deployment.look import Look
from loadtest.report import contents, document, junit, raw, terminal, words
from loadtest.report.live import Window
from loadtest.traffic.seen import Progress
from loadtest.verdict.daemon_course import daemon_course
from loadtest.verdict.judge import judge
from loadtest.verdict.targets import parse
from loadtest.verdict.verdict import pronounce
from tests.unit.loadtest.runs import answer, found, made_plan, recorded, reply, seen

ABOUT = document.About(scenario="s", digest="d")


@pytest.fixture
def made():
    return made_plan(600)


@pytest.fixture
def recorder(made):
    recorder = recorded(made)
    latencies_s = np.random.default_rng(1).exponential(0.2, 600)
    latencies_s[:2] = np.nan
    answer(recorder, latencies_s, stages="wait=30;run=7", batch_rows="7", served_by="m@1f")
    recorder.receive([reply(b"run-5")], 99.0)
    return recorder


def _verdict(findings, *texts, doubts=()):
    rulings = [judge(parse(each), findings) for each in texts]
    return pronounce(rulings, list(doubts), is_interrupted=False)


@pytest.fixture
def findings(made, recorder):
    return found(made, recorder)


def test_the_document_is_json_that_any_program_reads(findings, tmp_path):
    verdict = _verdict(findings, "missing == 2", "max < 1s")
    path = tmp_path / "report.json"
    document.write(path, contents.report(ABOUT, findings, verdict))
    told = json.loads(path.read_text())
    assert (told["version"], told["verdict"], told["exit_code"]) == (1, "MISSED", 1)
    assert [each["outcome"] for each in told["targets"]] == ["met", "missed"]
    assert told["targets"][1]["value"] is None  # infinite
    assert told["classes"]["a"]["missing"] == 2
    assert told["classes"]["a"]["latency_s"]["percentiles"]["50"]["value"] > 0
    assert len(told["classes"]["a"]["series"]) == 20
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_document_has_what_figures_are_drawn_from(made, recorder):
    looks = [Look(n, n / 2, 0, 0, 4.0, Counter({("x", "full"): 3 * n})) for n in range(4)]
    findings = found(made, recorder, looks=looks)
    told = json.loads(
        document.encoded(contents.report(ABOUT, findings, _verdict(findings, "missing == 2")))
    )
    of_class, daemon = told["classes"]["a"], told["daemon_over_time"]
    over_time = of_class["over_time"]
    assert sum(over_time["results"]) == 598
    assert {len(each) for each in over_time.values() if isinstance(each, list)} == {
        len(over_time["from_s"])
    }
    assert [band["percent"] for band in of_class["bands"]] == [50, 90, 99]
    assert of_class["batch_rows"] == {"7": 598}
    assert told["served_by"] == {"m@1f": 598}
    assert (daemon["at_s"], daemon["busy"], daemon["lag_records"]) == (
        [1, 2, 3],
        [0.5, 0.5, 0.5],
        [4, 4, 4],
    )
    assert daemon["flushes"] == [{"lane": "x", "cause": "full", "batches": [3, 3, 3]}]


def test_a_daemon_that_was_hardly_seen_is_not_told_about(findings):
    assert daemon_course([]) is None
    assert daemon_course([Look(0.0, 0, 0, 0)]) is None
    looks = [Look(float(n), n, 0, 0) for n in range(2_000)]
    told = daemon_course(looks)
    assert (len(told.at_s), told.at_s[-1]) == (500, 1_999)
    assert told.lag_records[0] is None


def test_a_daemon_that_does_not_say_everything_is_told_about_as_far_as_it_does(made, recorder):
    looks = [Look(float(n), math.nan, math.nan, math.nan) for n in range(20)]
    findings = found(made, recorder, looks=looks)
    told = json.loads(
        document.encoded(contents.report(ABOUT, findings, _verdict(findings, "missing == 2")))
    )
    assert set(told["daemon_over_time"]["busy"]) == {None}
    terminal.show(Console(record=True, width=140), findings, _verdict(findings, "missing == 2"))


def test_junit_has_a_case_for_each_target_and_for_the_run(findings):
    verdict = _verdict(findings, "missing == 2", "missing == 0", "errors < 0.1%")
    suite = junit.suite("s", verdict, 1.5)
    assert dict(suite.attrib) == {
        "name": "tidemill-load s", "tests": "4", "failures": "1", "errors": "1", "time": "1.500",
    }  # fmt: skip
    kinds = {case.get("name"): [child.tag for child in case] for case in suite}
    assert kinds == {
        "the run is valid": [],
        "missing == 2": ["system-out"],
        "missing == 0": ["failure"],
        "errors < 0.1%": ["error"],
    }


def test_an_invalid_run_is_an_error_in_junit(findings):
    suite = junit.suite("s", _verdict(findings, "missing == 2", doubts=["late"]), 1.0)
    assert suite[0].find("error").get("message") == "late"


def test_figures_equal_what_the_raw_rows_give(made, recorder, findings, tmp_path):
    raw.write(tmp_path / "raw.csv", made, seen(recorder))
    with (tmp_path / "raw.csv").open() as file:
        rows = list(csv.DictReader(file))
    latencies_s = sorted(
        float(row["received_s"] or "inf") - float(row["intended_s"])
        for row in rows
        if row["outcome"] in {"result", "none"}
    )
    for percent in (50, 90, 99):
        exact = latencies_s[math.ceil(len(rows) * percent / 100) - 1]
        assert findings.whole.latencies.percentile(percent) == pytest.approx(exact, rel=1e-3)
    assert sum(row["received_s"] == "" for row in rows) == findings.whole.missing == 2
    assert sum(int(row["replies"]) - 1 for row in rows if row["received_s"]) == 1
    assert rows[0].keys() == set(raw.COLUMNS)


def test_the_report_shows_value_interval_bound_and_margin(findings):
    console = Console(record=True, width=140)
    terminal.show(console, findings, _verdict(findings, "p50[a] < 300ms", "missing == 0"))
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    (line,) = [line for line in lines if "p50[a] < 300ms" in line]
    assert line.startswith("met p50[a] < 300ms")
    assert ".." in line
    assert "300 ms +" in line
    assert "MISSED: 1 of 2 targets met; exit code 1" in lines
    assert any(line.startswith("a 0.03 ms 0.03 ms 0.007 ms") for line in lines)


def test_the_report_says_why_nothing_is_proved(findings):
    console = Console(record=True, width=140)
    verdict = _verdict(findings, "errors < 0.1%", doubts=["a: the load tester was late"])
    terminal.show(console, findings, verdict)
    shown = console.export_text()
    assert "undecided: errors < 0.1%: too few samples" in shown
    assert "invalid: a: the load tester was late" in shown
    assert "INVALID" in shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.00023, "0.23 ms"),
        (0.2314, "231 ms"),
        (1.25, "1.25 s"),
        (186, "3.1 min"),
        (math.inf, "never"),
        (math.nan, "-"),
    ],
)
def test_times_have_the_digits_that_matter(seconds, shown):
    assert words.seconds(seconds) == shown


@pytest.mark.parametrize(
    ("margin", "shown"),
    [
        (None, ""),
        (0.5, "+50.0%"),
        (-1.0, "-100.0%"),
        (-99.0, "100 x bound"),
        (-12345.6, "1.23e+04 x bound"),
        (-math.inf, ""),
        (math.nan, ""),
        (7.0, "+700.0%"),
        (70.0, ">+1000%"),
    ],
)
def test_margins_are_readable_however_far_off(margin, shown):
    assert words.margin_of(margin) == shown


def test_what_is_in_flight_when_a_run_is_interrupted_is_not_missing(made, tmp_path):
    recorder = recorded(made)
    latencies_s = np.full(600, 0.1)
    latencies_s[[3, 590, 595]] = np.nan
    answer(recorder, latencies_s)
    since_s = float(recorder.records().intended_s[100])
    recorder.interrupt(since_s)
    findings = found(made, recorder, is_interrupted=True)
    assert (findings.whole.missing, findings.whole.in_flight) == (1, 2)
    assert sum(each.missing for each in findings.series["a"]) == 1
    assert sum(findings.detail.courses["a"].missing) == 1
    assert findings.whole.latencies.samples == 598
    told = json.loads(
        document.encoded(contents.report(ABOUT, findings, _verdict(findings, "missing == 1")))
    )
    assert told["whole"]["in_flight"] == 2
    console = Console(record=True, width=140)
    terminal.show(console, findings, _verdict(findings, "missing == 1"))
    assert "In flight when it was interrupted: 2" in console.export_text()


def test_raw_rows_can_be_joined_with_kafka_s_records(made, recorder, tmp_path):
    raw.write(tmp_path / "raw.csv", made, seen(recorder))
    with (tmp_path / "raw.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["correlation_id"].encode() for row in rows] == [
        recorder.correlation(number) for number in range(600)
    ]


def _progress(at_s, handed, recent_s):
    return Progress(at_s, 10.0, 1000, handed, handed - len(recent_s), 3, np.array(recent_s))


def test_the_line_tells_of_the_last_seconds():
    window = Window(np.arange(1000) / 100.0)
    window.line(_progress(0.0, 0, []), 80)
    line = window.line(_progress(2.0, 180, [0.1] * 98 + [5.0] * 2), 80)
    assert line == "2/10 s  90/s of 100/s  in flight 80  p50 100 ms  p99 5 s  failed 3"


@given(
    st.builds(
        Progress, st.floats(0, 1e6), st.floats(1, 1e6), st.just(9), st.integers(0, 10**9),
        st.integers(0, 10**9), st.integers(0, 10**9), st.just(np.array([0.01234, 12345.6])),
    ),
    st.integers(40, 120),
)  # fmt: skip
def test_the_line_stays_one_line(progress, width):
    line = Window(np.arange(1000) / 100.0).line(progress, width)
    assert len(line) <= width
    assert line.startswith(f"{progress.at_s:.0f}/")
    assert "p99" in line
