"""Which moments have come: clocks that are looked at late, that are set, openings brought forward."""

from daemon.windows.moments import Moments
from daemon.windows.ready_by import Opening
from daemon.windows.schedule import Schedule

QUARTER_S = 900.0
START_S = 1_800_000_000.0  # a full hour
QUARTERS = Schedule(["*/15 * * * *"], "UTC")


def looked_at(at_s=START_S + 60):
    """Moments that were looked at once; the last one has opened."""
    moments = Moments(QUARTERS)
    come = moments.look(at_s)
    moments.open(come.last_s)
    return moments


def test_the_first_look_finds_the_last_moment_there_was():
    moments = Moments(QUARTERS)

    assert moments.look(START_S + 60) == ((), START_S)
    assert moments.next_s == START_S + QUARTER_S


def test_between_two_moments_none_comes():
    assert looked_at().look(START_S + 120) == ((), None)


def test_of_several_the_last_one_counts_and_the_others_are_passed_over():
    come = looked_at().look(START_S + 3 * QUARTER_S)

    assert come == ((START_S + QUARTER_S, START_S + 2 * QUARTER_S), START_S + 3 * QUARTER_S)


def test_a_clock_that_was_stopped_for_years_is_told_of_a_day_only():
    come = looked_at().look(START_S + 1_000 * QUARTER_S)

    assert len(come.passed_over) == 100
    assert come.last_s == START_S + 1_000 * QUARTER_S


def test_none_comes_twice_where_the_clock_is_set_back():
    moments = looked_at()
    moments.open(moments.look(START_S + QUARTER_S).last_s)

    assert moments.look(START_S + 60) == ((), None)
    assert moments.next_s == START_S + QUARTER_S
    assert moments.look(START_S + QUARTER_S) == ((), None)


def test_an_opening_that_is_brought_forward_comes_as_a_moment():
    moments = looked_at()
    moments.bring_forward(Opening.for_no_time(START_S + 300))

    assert moments.look(START_S + 200) == ((), None)
    assert moments.look(START_S + 301).last_s == START_S + 300


def test_one_that_was_brought_forward_before_a_later_one_is_forgotten():
    moments = looked_at()
    moments.bring_forward(Opening.for_no_time(START_S + 300))
    moments.bring_forward(Opening.for_no_time(START_S + 200))

    assert moments.look(START_S + 301).last_s == START_S + 300


def test_one_that_has_opened_is_not_passed_over_after_the_clock_was_set_back():
    moments = looked_at()
    moments.open(moments.look(START_S + QUARTER_S).last_s)
    moments.look(START_S + 60)

    assert moments.look(START_S + 2 * QUARTER_S) == ((), START_S + 2 * QUARTER_S)
