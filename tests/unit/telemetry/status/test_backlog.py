from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from daemon.telemetry.status.backlog import growth

STEP_S = 5.0
KEPT = 60
"""As daemon.telemetry.status.trends has it."""

lingers = st.floats(0.01, 120.0)
rates = st.floats(1.0, 2_000.0)


def told(lags, *, linger_s=1.0, max_rows=64, arriving=200.0):
    """What was said after each of `lags`, which came one by one."""
    return [
        growth(
            lags[max(0, end - KEPT) : end],
            step_s=STEP_S,
            linger_s=linger_s,
            max_rows=max_rows,
            arriving=arriving,
        )
        for end in range(1, len(lags) + 1)
    ]


def runs(said):
    """How often it began to be said that a lane falls behind."""
    return sum(
        now is not None and before is None for before, now in zip([None, *said], said, strict=False)
    )


def test_an_overloaded_lane_falls_behind_half_a_minute_after_its_linger():
    said = told([127.0 * STEP_S * step for step in range(20)], linger_s=20.0, arriving=201.0)

    assert [each is None for each in said].index(False) * STEP_S == 50.0
    assert said[-1] == 127.0


def test_what_is_unknown_is_not_judged():
    lags = [127.0 * STEP_S * step for step in range(20)]
    lags[-4:] = [None] * 4

    assert told(lags)[-1] is None


@given(rates, st.floats(0.4, 1.0), lingers, st.integers(1, 64), st.integers(0, 2**32))
def test_overload_is_said_for_as_long_as_it_lasts(arriving, share, linger_s, max_rows, seed):
    random = Random(seed)
    grown = arriving * share * STEP_S
    lags = [max_rows * 2 + grown * step + random.random() * grown for step in range(90)]

    said = told(lags, linger_s=linger_s, max_rows=max_rows, arriving=arriving)

    first = round((linger_s + 30.0) / STEP_S) + 1
    assert None not in said[first:]
    assert runs(said) == 1


@given(rates, lingers, st.floats(0.0, 1.0), st.floats(0.05, 1.0))
@example(1.0, 3.09375, 0.0, 0.7578125)  # seen each 5 s it seems to grow for a minute
@example(1.0, 35.0, 0.0, 0.9375)  # two batches, the second seen later in its time than the first
def test_what_is_gathered_for_a_batch_is_no_backlog(arriving, linger_s, phase, part):
    period_s = max(linger_s * part, STEP_S / 3)
    lags = [arriving * ((STEP_S * step + phase * period_s) % period_s) for step in range(120)]

    assert not any(told(lags, linger_s=linger_s, max_rows=1, arriving=arriving))


@given(
    st.lists(st.floats(0, 50), min_size=20, max_size=20),
    st.floats(1e3, 1e6),
    st.integers(1, 3),
    st.lists(st.floats(0.01, 0.2), min_size=40, max_size=40),
)
def test_a_burst_that_is_worked_off_is_no_overload(before, size, rises, shares):
    lags = [*before, *(size * (step + 1) / rises for step in range(rises))]
    for share in shares:
        lags.append(lags[-1] * (1 - share))

    assert not any(told(lags, max_rows=64, arriving=100.0))


@given(st.integers(10, 40), st.lists(st.floats(0.01, 0.3), min_size=40, max_size=40), lingers)
def test_it_is_said_once_and_not_by_fits_and_starts(rises, shares, linger_s):
    lags = [0.0] * 30 + [1_000.0 * (step + 1) for step in range(rises)]
    for share in shares:
        lags.append(lags[-1] * (1 - share))

    assert runs(told(lags, linger_s=linger_s, arriving=400.0)) <= 1


@given(st.lists(st.floats(0, 100), min_size=60, max_size=60))
def test_less_than_two_batches_is_no_backlog(lags):
    assert not any(told(lags, max_rows=64, arriving=None))
