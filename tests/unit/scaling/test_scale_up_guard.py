"""Whether the last step up brought anything: 4 more of 100 records/s, asked for at 0 s."""

import pytest

from daemon.scaling.scale_up_guard import ScaleUpGuard

START_S = 15.0
JUDGED_S = 30.0


@pytest.fixture
def gain():
    made = ScaleUpGuard(START_S)
    made.stepped(2, 6, 200.0, 0.0)
    return made


def test_a_step_that_brought_next_to_nothing_is_told(gain):
    assert gain.missing(6, 239.0, 100.0, JUDGED_S) == (
        "4 more workers brought 39 records/s of 400: more of them would not help"
    )


def test_a_tenth_is_something(gain):
    assert not gain.missing(6, 240.0, 100.0, JUDGED_S)


def test_serving_less_than_before_is_no_gain(gain):
    assert "brought 0 records/s" in gain.missing(6, 150.0, 100.0, JUDGED_S)


def test_it_waits_until_the_workers_serve_and_the_rate_shows_it(gain):
    assert not gain.missing(6, 200.0, 100.0, JUDGED_S - 0.1)


def test_workers_that_did_not_come_are_not_judged(gain):
    assert not gain.missing(5, 200.0, 100.0, JUDGED_S)


def test_an_unknown_rate_judges_nobody(gain):
    assert not gain.missing(6, None, 100.0, JUDGED_S)


def test_the_verdict_is_taken_anew(gain):
    assert gain.missing(6, 200.0, 100.0, JUDGED_S)
    assert not gain.missing(6, 500.0, 100.0, JUDGED_S + 1)


def test_a_step_that_was_worth_it_is_not_judged_again(gain):
    gain.missing(6, 500.0, 100.0, JUDGED_S)

    assert not gain.missing(6, 200.0, 100.0, JUDGED_S + 1)


def test_the_first_of_several_steps_is_judged(gain):
    gain.stepped(6, 16, 200.0, 15.0)

    assert "4 more" in gain.missing(16, 200.0, 100.0, JUDGED_S)


def test_a_step_before_which_the_rate_was_unknown_is_not_judged():
    gain = ScaleUpGuard(START_S)
    gain.stepped(2, 6, None, 0.0)

    assert not gain.missing(6, 0.0, 100.0, JUDGED_S)


def test_it_forgets(gain):
    gain.forget()

    assert not gain.missing(6, 200.0, 100.0, JUDGED_S)


def test_once_it_could_be_judged_and_nothing_waits_it_is_not(gain):
    gain.relieved(JUDGED_S)

    assert not gain.missing(6, 200.0, 100.0, JUDGED_S)


def test_before_that_it_is_kept(gain):
    gain.relieved(JUDGED_S - 0.1)

    assert gain.missing(6, 200.0, 100.0, JUDGED_S)
