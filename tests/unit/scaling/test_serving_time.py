"""How long it takes to serve what waits."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.serving_time import Means, serving_s

backlogs = st.lists(st.integers(0, 10**6), min_size=1, max_size=24)
means = st.builds(Means, st.integers(1, 30), st.floats(1.0, 1e5), st.floats(0.1, 1.0))


def test_a_worker_serves_the_share_that_is_counted_on():
    assert serving_s([3_000, 3_000], Means(workers=2, rate=100.0, utilisation=0.5)) == 60.0


def test_one_full_partition_is_served_by_one_worker_alone():
    some = Means(workers=4, rate=100.0, utilisation=1.0)

    assert serving_s([6_000, 0, 0, 0], some) == 60.0


def test_workers_beyond_the_partitions_serve_nothing():
    some = Means(workers=30, rate=100.0, utilisation=1.0)

    assert serving_s([1_000, 1_000], some) == 10.0


def test_where_nothing_waits_it_takes_no_time():
    some = Means(workers=1, rate=1.0, utilisation=1.0)

    assert serving_s([0, 0], some) == serving_s([], some) == 0.0


@given(backlogs, means, st.randoms(use_true_random=False))
def test_it_is_done_in_time_whoever_gets_which_partitions(waiting, some, chance):
    """Even shares by number are all that a group's assignment promises."""
    shuffled = chance.sample(waiting, len(waiting))
    held = [shuffled[number :: some.workers] for number in range(some.workers)]
    rate = some.rate * some.utilisation
    longest_s = max(sum(each) for each in held) / rate

    assert longest_s <= serving_s(waiting, some) * (1 + 1e-9)


@given(backlogs, means, st.integers(0, 23), st.integers(1, 10**6))
def test_more_that_waits_is_never_done_earlier(waiting, some, place, more):
    fuller = list(waiting)
    fuller[place % len(fuller)] += more

    assert serving_s(fuller, some) >= serving_s(waiting, some)


@given(backlogs, means)
def test_more_workers_are_never_done_later(waiting, some):
    assert serving_s(waiting, some._replace(workers=some.workers + 1)) <= serving_s(waiting, some)
