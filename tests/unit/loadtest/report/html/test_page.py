"""What the page of a report says and shows, before it is drawn."""

import numpy as np
import pytest

from loadtest.report.document import BadReport, read
from loadtest.report.html.chart import Curves, Shares
from loadtest.report.html.page import page
from tests.reported import report, taken, told


def charts(made):
    return {chart.key: chart for part in made.parts for chart in part.charts}


def test_the_verdict_is_on_top_with_every_target():
    made = page(report(targets=("p99 < 2s", "errors < 0.1%", "p50 < 1ms")))
    assert (made.sign, made.word, made.lead) == ("✗", "MISSED", "1 of 3 targets missed.")
    assert [each.outcome for each in made.promises] == ["met", "undecided", "missed"]
    first, second, _ = made.promises
    assert (first.text, first.bound, first.value[-3:]) == ("p99 < 2s", "2 s", " ms")
    assert first.margin.endswith(" %")
    assert second.why.startswith("too few samples")


def test_an_invalid_run_proves_nothing_and_says_why():
    made = page(report(doubts=["a: the load tester was late"]))
    assert (made.sign, made.word) == ("?", "INVALID")
    assert made.lead.startswith("Nothing is proved")
    assert made.doubts == ["a: the load tester was late"]


def test_every_figure_there_is_data_for_is_there():
    assert list(charts(page(report()))) == [
        *("spectrum", "latency-0", "rate-0", "waiting", "places-0", "batches-0"),
        *("flushes", "busy"),
    ]


def test_each_class_has_its_own_figures():
    keys = charts(page(report(names=("a", "b"))))
    assert {"latency-0", "latency-1", "rate-1", "places-1", "batches-1"} <= keys.keys()
    assert [line.name for line in keys["spectrum"].drawing.lines] == ["a", "b"]


def test_without_metrics_and_headers_there_are_the_figures_of_a_black_box():
    made = page(report(looks=False, stages="", batch_rows="", served_by=""))
    assert list(charts(made)) == ["spectrum", "latency-0", "rate-0", "waiting"]


def test_a_run_without_any_answer_has_a_page():
    made = page(report(change=lambda each: np.full_like(each, np.nan)))
    found = charts(made)
    assert "spectrum" not in found
    assert set(found["latency-0"].drawing.lines[0].y) == {None}
    assert made.counts.rows[0][-1] == "never"


def test_an_older_report_has_the_figures_of_what_it_knows():
    older = told()
    del older["daemon_over_time"], older["served_by"], older["setting"]
    for key in ("over_time", "bands", "batch_rows"):
        del older["classes"]["a"][key]
    assert list(charts(page(taken(older)))) == ["spectrum"]


def test_requests_without_reply_are_marked_where_they_were_sent():
    def lose(latencies_s):
        latencies_s[1000:1002] = np.nan
        return latencies_s

    drawing = charts(page(report(change=lose)))["latency-0"].drawing
    assert isinstance(drawing, Curves)
    assert drawing.lost_x == [20]
    assert drawing.lines[1].y[20] is None


def test_warm_up_is_shaded_and_told():
    made = page(report())
    assert charts(made)["rate-0"].drawing.until_x == 5
    assert "The first 5 s are warm-up: shaded in the figures, counted nowhere." in made.notes


def test_targets_are_drawn_where_they_belong():
    found = charts(page(report(names=("a", "b"), targets=("p99[a] < 2s", "p90 < 1s"))))
    assert [level.label for level in found["latency-0"].drawing.levels] == ["p99[a] < 2 s"]
    assert found["latency-1"].drawing.levels == []
    (point,) = found["spectrum"].drawing.points
    assert (round(point.x), point.y, point.label) == (100, 2.0, "p99[a] < 2 s")


def test_targets_of_one_point_share_it():
    targets = ("p99[a] < 2s", "p99[b] < 2s")
    found = charts(page(report(names=("a", "b"), targets=targets)))
    assert [point.label for point in found["spectrum"].drawing.points] == [
        "p99[a] < 2 s, p99[b] < 2 s"
    ]


def test_the_target_of_all_is_that_of_an_only_class():
    found = charts(page(report()))
    assert [level.label for level in found["latency-0"].drawing.levels] == ["p99 < 2 s"]


def test_shares_of_the_time_come_from_the_stations():
    chart = charts(page(report()))["places-0"]
    assert isinstance(chart.drawing, Shares)
    first = chart.drawing.rows[0]
    assert first.label.startswith("p50: ")
    assert first.parts["wait for batch and turn"] == pytest.approx(0.04)
    assert "clocks" not in chart.says


def test_clocks_that_differ_are_told():
    chart = charts(page(report(stages="broker=9000000;run=9000")))["places-0"]
    assert "the clocks of two machines differ" in chart.says
    assert min(chart.drawing.rows[0].parts.values()) == 0


def test_stations_beyond_all_measure_are_not_all_shown():
    stages = ";".join(f"station{n}=1000" for n in range(50))
    assert len(charts(page(report(stages=stages)))["places-0"].drawing.names) <= 8


def test_batches_of_every_size_have_few_bars():
    made = told()
    made["classes"]["a"]["batch_rows"] = {"1": 10, "64": 20, "1000": 70}
    chart = charts(page(taken(made)))["batches-0"]
    assert len(chart.drawing.labels) == 16
    assert chart.drawing.labels[0] == "1-63"
    assert (chart.drawing.shares[0], chart.drawing.shares[-1]) == (0.1, 0.7)


def test_flushes_are_summed_by_lane_and_cause():
    chart = charts(page(report()))["flushes"]
    assert chart.drawing.rows[0].parts == {"full": 295, "linger": 59}
    assert chart.table.rows == [["x", "295", "59"]]


def test_so_many_classes_as_can_be_told_apart_have_figures():
    names = tuple(f"c{n}" for n in range(10))
    made = page(report(names=names, looks=False, count=60))
    assert len(charts(made)["waiting"].drawing.lines) == 6
    assert len(made.counts.rows) == 11
    assert "Figures show the 6 largest of 10 classes." in made.notes


def test_every_figure_has_its_values_as_words():
    for chart in charts(page(report(names=("a", "b")))).values():
        assert chart.table.rows
        assert {len(row) for row in chart.table.rows} == {len(chart.table.head)}
        assert len(chart.table.rows) <= 20


def test_what_the_run_was_made_with_is_told():
    setting = {
        "scenario_file": "seed = 1",
        "brokers": "kafka:9092",
        "embedded": True,
        "daemon": {"version": "1.2"},
        "models": [{"model": "m", "digest": "1f"}],
        "daemon_config": "[kafka]",
        "machine": {"python": "3.12.1"},
    }
    made = page(report(setting=setting))
    assert {
        ("Kafka", "kafka:9092, started for this run"),
        ("daemon", "version 1.2"),
        ("model", "model m, digest 1f"),
        ("answered by", "m@1f (100 %)"),
        ("this machine", "python 3.12.1"),
    } <= set(made.settings)
    assert [text.text for text in made.texts] == ["seed = 1", "[kafka]"]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "is no report"),
        ('{"version": 1}', "is no report"),
        ("nowhere", "is no report"),
    ],
)
def test_what_is_no_report_is_said(written, why, tmp_path):
    path = tmp_path / "report.json"
    if written != "nowhere":
        path.write_text(written)
    with pytest.raises(BadReport, match=why):
        read(path)


def test_another_version_is_refused():
    with pytest.raises(BadReport, match="version 2"):
        taken(told() | {"version": 2})


@pytest.mark.parametrize("histogram", ["", "x", "AAAA", "HISTFAAAAB"])
def test_a_broken_histogram_is_said(histogram):
    broken = told()
    broken["classes"]["a"]["latency_s"]["histogram_us"] = histogram
    with pytest.raises(BadReport, match="histogram"):
        page(taken(broken))


def test_a_target_that_cannot_be_read_is_said():
    broken = told()
    broken["targets"][0]["target"] = "p99 < tomorrow"
    with pytest.raises(BadReport, match="tomorrow"):
        page(taken(broken))
