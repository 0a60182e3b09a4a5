"""When workers have to be asked for, so that what waits is answered by a moment."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.latest_start import Means, latest_start_s, serving_s
from daemon.scaling.required_workers import share

READY_BY_S = 1_700_000_000.0

backlogs = st.lists(st.integers(0, 10**6), min_size=1, max_size=24)
means = st.builds(
    Means,
    st.integers(1, 30),
    st.floats(1.0, 1e5),
    st.floats(0.1, 1.0),
    st.floats(0.0, 600.0),
)


def start(waiting, some, margin_s=0.0):
    return latest_start_s(READY_BY_S, waiting, some, margin_s=margin_s)


def test_time_to_start_to_serve_and_to_spare_is_left():
    some = Means(workers=2, rate=100.0, utilisation=0.5, start_s=15.0)

    assert start([3_000, 3_000], some, margin_s=20.0) == READY_BY_S - 20 - 15 - 60


def test_one_full_partition_is_served_by_one_worker_alone():
    some = Means(workers=4, rate=100.0, utilisation=1.0, start_s=0.0)

    assert serving_s([6_000, 0, 0, 0], some) == 60.0


def test_workers_beyond_the_partitions_serve_nothing():
    some = Means(workers=30, rate=100.0, utilisation=1.0, start_s=0.0)

    assert serving_s([1_000, 1_000], some) == 10.0


def test_where_nothing_waits_nobody_is_asked_for():
    some = Means(workers=1, rate=1.0, utilisation=1.0, start_s=15.0)

    assert start([0, 0], some) == start([], some) == math.inf


@given(backlogs, means, st.randoms(use_true_random=False))
def test_it_is_done_in_time_whoever_gets_which_partitions(waiting, some, chance):
    """Even shares by number are all that a group's assignment promises."""
    shuffled = chance.sample(waiting, len(waiting))
    held = [shuffled[number :: some.workers] for number in range(some.workers)]
    rate = some.rate * some.utilisation
    longest_s = max(sum(each) for each in held) / rate

    assert longest_s <= serving_s(waiting, some) * (1 + 1e-9)


@given(backlogs, means, st.integers(0, 23), st.integers(1, 10**6))
def test_more_that_waits_never_starts_later(waiting, some, place, more):
    fuller = list(waiting)
    fuller[place % len(fuller)] += more

    assert start(fuller, some) <= start(waiting, some)


@given(backlogs, means)
def test_more_workers_never_have_to_start_earlier(waiting, some):
    assert start(waiting, some._replace(workers=some.workers + 1)) >= start(waiting, some)


@given(means, st.integers(1, 24), st.floats(0.0, 0.5), st.floats(10.0, 60.0))
def test_looking_again_and_again_is_in_time_although_more_arrives(some, partitions, load, look_s):
    """Nothing is forecast; `load` is what arrives, as a share of what the workers serve."""
    worker_rate = some.rate * some.utilisation
    partition_rate = load * worker_rate / share(some.workers, partitions)
    margin_s = look_s * (1 + load)
    begin_s = READY_BY_S - 3_600

    for at_s in (begin_s + number * look_s for number in itertools.count()):
        waiting = [math.ceil(partition_rate * (at_s - begin_s)) + 1] * partitions
        if start(waiting, some, margin_s) <= at_s:
            break

    done_s = at_s + some.start_s + serving_s(waiting, some)
    one_record_each_s = share(some.workers, partitions) / worker_rate
    assert done_s <= READY_BY_S + one_record_each_s
