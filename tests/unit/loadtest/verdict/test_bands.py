"""Where the time goes, for most requests and for the slowest."""

import numpy as np
import pytest

from loadtest.verdict.bands import bands
from tests.unit.loadtest.runs import answer, made_plan, recorded, reply


def of(latencies_s, **headers):
    made = made_plan(len(latencies_s))
    recorder = recorded(made)
    answer(recorder, np.array(latencies_s), **headers)
    rows = recorder.records()
    return bands(rows, recorder.stages(), np.full(len(rows.stream), True))


def test_a_band_has_the_requests_around_its_percentile():
    found = of([0.1] * 800 + [0.5] * 180 + [3.0] * 20, stages="broker=1000;wait=20000;run=3000")
    assert [(band.percent, band.samples) for band in found] == [(50, 500), (90, 100), (99, 10)]
    assert [band.latency_s for band in found] == pytest.approx([0.1, 0.5, 3.0])


def test_stations_and_the_rest_add_up_to_the_latency():
    (band, *_) = of([0.1] * 100, stages="broker=1000;wait=20000;run=3000")
    assert list(band.stations_s) == ["send", "broker", "wait", "run", "rest"]
    assert band.stations_s == pytest.approx(
        {"send": 0.0005, "broker": 0.001, "wait": 0.02, "run": 0.003, "rest": 0.0755}
    )


def test_clocks_that_differ_show_as_a_negative_rest():
    (band, *_) = of([0.1] * 100, stages="broker=900000;run=1000")
    assert band.stations_s["rest"] < 0


@pytest.mark.parametrize("headers", [{}, {"stages": ""}, {"status": "error", "error_code": "x"}])
def test_without_stations_there_is_no_band(headers):
    assert of([0.1] * 100, **headers) == []


def test_a_reply_that_names_no_station_was_not_there():
    made = made_plan(100)
    recorder = recorded(made)
    for number in range(100):
        stages = "run=2000" if number % 2 else "wait=4000"
        recorder.receive([reply(recorder.correlation(number), stages=stages)], 20.0)
    (band, *_) = bands(recorder.records(), recorder.stages(), np.full(100, True))
    assert band.stations_s["run"] == pytest.approx(0.001)
    assert band.stations_s["wait"] == pytest.approx(0.002)
