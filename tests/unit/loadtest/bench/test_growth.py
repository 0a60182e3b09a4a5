"""What a request costs in the largest is held against what it costs in the smallest."""

import pytest

from loadtest.bench.backlog import BacklogRun
from loadtest.bench.growth import growth_figures
from loadtest.bench.watch import ProcessSample, busy_percent


def _run(cpu_us):
    """1,000 replies, each for `cpu_us`."""
    started, last = ProcessSample(0.0, 0, 0.0, 0), ProcessSample(2.0, 1000, 1.0 + cpu_us / 1000, 0)
    return BacklogRun([started, ProcessSample(1.0, 0, 1.0, 0), last], None, None)


@pytest.mark.parametrize(("cpu_us", "met"), [(4.4, True), (4.8, False)])
def test_growth_is_a_ratio_of_the_last_to_the_first_pair_by_pair(cpu_us, met):
    runs = {
        "1 partition": [_run(4.0), _run(8.0)],
        "8 partitions": [_run(9.0), _run(9.0)],
        "64 partitions": [_run(cpu_us), _run(2 * cpu_us)],
    }

    *_, growth = growth_figures(runs)

    assert growth.name == "CPU a request, 64 partitions / 1 partition"
    assert growth.values == pytest.approx((cpu_us / 4.0, cpu_us / 4.0))
    assert growth.met is met


def test_what_a_process_takes_is_a_share_of_a_core():
    assert busy_percent(ProcessSample(5.0, 0, 2.0, 0), ProcessSample(15.0, 0, 2.5, 0)) == 5.0
