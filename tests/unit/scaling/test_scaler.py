"""From what is seen to how many workers there should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.observation import NO_COMMIT, Observation, Offsets
from daemon.scaling.report import TopicLag
from daemon.scaling.scaler import Scaler
from daemon.scaling.stuck import Standstill
from tests.unit.scaling.sights import TOPIC, settings, sight

UNKNOWN = Offsets(None, None, None)


def _scaler(max_workers=10, **scaling):
    return Scaler(settings(scaling={"service_rate": 100.0, **scaling}), max_workers)


def _last(scaler, *sights, workers=0):
    return [scaler.take(each, workers) for each in sights][-1]


def test_nothing_to_do_needs_nobody():
    report = _last(_scaler(), sight(0, (5, 5), members=0), sight(1, (5, 5), members=0))

    assert report.decision.workers == 0
    assert (report.lag_records, report.lag_seconds, report.arrival_rate) == (0, 0.0, 0.0)
    assert report.known


def test_the_first_record_wakes_a_worker():
    report = _last(_scaler(), sight(0, (5, 5), members=0), sight(1, (6, 5), members=0))

    assert report.decision.workers == 1


def test_a_group_without_a_commit_has_its_whole_log_to_do():
    report = _last(_scaler(), sight(0, Offsets(20, 50, NO_COMMIT), members=0))

    assert report.lag_records == 30
    assert report.decision.workers == 1


def test_a_backlog_asks_for_workers_up_to_the_most():
    partitions = [(100_000, 0)] * 12
    looks = [sight(float(second), *partitions, members=0) for second in range(60)]

    assert _last(_scaler(max_workers=4), *looks).decision.workers == 4


def test_an_unknown_offset_holds_the_number():
    scaler = _scaler()
    busy = _last(scaler, *[sight(float(s), (9_000, 0), (9_000, 0)) for s in range(9)], workers=1)
    unknown = _last(scaler, sight(9, (9_000, 0), UNKNOWN), workers=1)

    assert busy.decision.workers == 2
    assert (unknown.decision.workers, unknown.known) == (2, False)
    assert (unknown.lag_records, unknown.lag_seconds) == (None, None)
    assert unknown.decision.held


def test_a_topic_of_which_no_partition_is_known_is_unknown():
    lanes = {"both": {"topics": [TOPIC, "other"], "models": ["m"]}}
    scaler = Scaler(settings(lanes=lanes), 4)

    report = scaler.take(sight(0, (0, 0)), 0)

    assert not report.known
    assert report.topics == {TOPIC: TopicLag(0, 0.0), "other": TopicLag(None, None, None, None)}


def test_no_partitions_at_all_are_unknown():
    report = _scaler().take(Observation(0.0, {}, None), 3)

    assert not report.known
    assert report.decision.workers == 3


def test_lanes_are_told_apart():
    lanes = {
        "bulk": {"topics": ["a"], "models": ["m"]},
        "urgent": {"topics": ["b", "c"], "models": ["m"]},
    }
    scaler = Scaler(settings(lanes=lanes), 4)
    for at_s, end in ((0.0, 0), (10.0, 100)):
        partitions = {("a", 0): Offsets(0, end, 0), ("b", 0): Offsets(0, 0, 0)}
        report = scaler.take(Observation(at_s, {**partitions, ("c", 0): Offsets(0, 7, 0)}, 1), 1)

    assert report.lanes["bulk"] == (pytest.approx(10), 100, pytest.approx(10), 1, 0, None, 0, None)
    assert report.lanes["urgent"] == (0, 7, 10, 2, 0, None, 0, None)
    assert report.topics["c"] == TopicLag(7, 10)
    assert report.lag_records == 107


def test_a_stuck_partition_is_named_and_asks_for_nobody():
    scaler = _scaler()
    looks = [sight(float(s), (s, s), (9_000, 5)) for s in range(0, 400, 5)]

    report = _last(scaler, *looks, workers=1)

    assert report.stuck == {(TOPIC, 1): Standstill(8_995, pytest.approx(395))}
    assert report.decision.workers == 1


def test_the_service_rate_is_learned():
    looks = [sight(float(s), (10**6, 70 * s), (10**6, 70 * s), members=2) for s in range(60)]

    assert _last(_scaler(), *looks, workers=2).service_rate == pytest.approx(70)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 500), st.integers(0, 500), st.sampled_from(["known", "end", "commit"])
        ),
        min_size=1,
        max_size=80,
    ),
    st.integers(1, 5),
)
def test_whatever_is_seen_the_number_is_in_bounds_and_held_while_unknown(steps, most):
    scaler = _scaler(max_workers=most, down_window="5s", idle="5s")
    end, committed, workers, first = 0, 0, 0, True
    for second, (came, served, hidden) in enumerate(steps):
        end += came
        committed = min(end, committed + served)
        seen = Offsets(
            0, None if hidden == "end" else end, None if hidden == "commit" else committed
        )
        report = scaler.take(sight(float(second), seen, (0, 0), (0, 0), members=workers), workers)

        assert 0 <= report.decision.workers <= min(most, 3)
        assert report.known == (hidden == "known")
        if not report.known and not first:
            assert report.decision.workers == workers
        workers, first = report.decision.workers, False


# What is remembered

HOUR_S = 3600.0


def _untold(**given):
    return Scaler(settings(), 10, **given)


def _served_for(scaler, seconds, *, since=0, wall_s=0.0):
    """One worker serves 100 records a second of a backlog; return the last report."""
    looks = [
        sight(float(since + second), (100_000, 100 * second))._replace(wall_s=wall_s + second)
        for second in range(seconds)
    ]
    return _last(scaler, *looks, workers=1)


def test_what_was_measured_is_to_be_remembered():
    scaler = _untold()
    assert scaler.measured is None

    _served_for(scaler, 60, wall_s=1_000.0)

    assert scaler.measured.service_rate == pytest.approx(100)
    assert scaler.measured.at_wall_s == 1_059


def test_nothing_that_is_set_or_remembered_is_remembered_as_measured():
    before = _untold()
    _served_for(before, 60)
    text = before.measured.text
    told, heir = _scaler(), _untold()

    for scaler in (told, heir):
        _last(scaler, sight(0, (9, 5))._replace(remembered=(text,)), workers=1)

        assert scaler.measured is None


def test_what_was_measured_stays_to_be_remembered_when_the_workers_are_gone():
    scaler = _untold()
    _served_for(scaler, 60)
    measured = scaler.measured

    _last(scaler, *[sight(60.0 + s, (100_000, 100_000), members=0) for s in range(4_000)])

    assert scaler.measured == measured


def test_the_next_one_begins_with_what_is_remembered():
    before = _untold()
    _served_for(before, 60)
    woken = sight(0, *[(1_000, 0)] * 12, members=0)
    woken = woken._replace(wall_s=3 * HOUR_S, remembered=(before.measured.text,))

    warm = _untold().take(woken, 0)
    blind = _untold().take(woken._replace(remembered=()), 0)

    assert (blind.decision.workers, blind.service_rate) == (1, None)
    assert warm.decision.workers > 1
    assert (warm.rate_origin, warm.rate_age_s) == ("remembered", pytest.approx(3 * HOUR_S, abs=60))
    assert "remembered from 3.0 h ago" in warm.decision.reason


def test_what_is_remembered_of_other_model_files_is_not_believed():
    before = _untold(files="a" * 12)
    _served_for(before, 60)
    woken = sight(0, (1_000, 0), members=0)._replace(remembered=(before.measured.text,))

    assert _untold(files="b" * 12).take(woken, 0).service_rate is None
    assert _untold(files="a" * 12).take(woken, 0).service_rate == pytest.approx(100)


def test_the_start_is_remembered_though_it_was_not_measured_again():
    scaler = _untold()
    _last(scaler, sight(0, (9, 0), members=0), sight(1, (9, 0), members=0), workers=0)
    _served_for(scaler, 60, since=5)
    assert scaler.measured.start_s == 5

    heir = _untold()
    heir.take(sight(0, (9, 0))._replace(remembered=(scaler.measured.text,)), 1)
    _served_for(heir, 60, since=1)

    assert heir.measured.start_s == 5
