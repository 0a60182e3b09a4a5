"""What is said of runs with and without a sampler."""

from loadtest.bench.backlog import BacklogRun
from loadtest.bench.profile import KERNEL, STATIONS
from loadtest.bench.replies import Pace
from loadtest.bench.stations import RelayRun, station_figures
from loadtest.bench.watch import ProcessSample
from loadtest.traffic.records import Account

READ = ("daemon/kafka/reading/column_reading.py:read_columns",)


def _run(cpu_us, spent_us=None):
    samples = [ProcessSample(0.0, 100, 1.0, 0), ProcessSample(1.0, 1100, 1 + cpu_us / 1000, 0)]
    account = Account(sent=1100, lost=0, repeated=0, wrong=0, unknown=0)
    return RelayRun(BacklogRun(samples, Pace(), account), spent_us or {})


def test_stations_stand_beside_what_the_kernel_counted():
    alone = [_run(2.0), _run(3.0)]
    sampled = [_run(2.2, {READ: 1.5, KERNEL: 0.5}), _run(3.0, {READ: 2.5})]
    figures = {each.name: each.median for each in station_figures(alone, sampled)}
    assert list(figures)[: len(STATIONS)] == list(STATIONS)
    assert figures["reading records"] == 2.0
    assert figures["kernel: sockets, memory"] == 0.25
    assert figures["admission"] == 0.0
    assert figures["all of these"] == 2.25
    assert round(figures["by the kernel, sampled"], 6) == 2.6
    assert round(figures["by the kernel, not sampled"], 6) == 2.5
    assert round(figures["sampled / not sampled"], 6) == 1.05
