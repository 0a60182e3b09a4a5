from math import inf

from hypothesis import given
from hypothesis import strategies as st

from daemon.process.stall_detector import StallDetector

STALL_S = 60.0


def watched(progress, until, *, start=0.0, held=3, due_s=0.0, outage=""):
    """Observe once a second, as the worker does; return the verdicts with their times."""
    verdicts = []
    now = start
    while now <= until:
        progress.observe(held=held, due_s=due_s, outage=outage, now=now)
        verdicts.append((now, progress.verdict(now).moving))
        now += 1.0
    return verdicts


def first_stall(verdicts):
    return next((now for now, moving in verdicts if not moving), None)


def test_due_work_that_does_not_move_is_a_stall_after_the_limit():
    progress = StallDetector(STALL_S, now=0.0)

    verdicts = watched(progress, 100.0, due_s=5.0)

    assert first_stall(verdicts) == 65.0


def test_the_verdict_says_how_much_is_held_and_for_how_long():
    progress = StallDetector(STALL_S, now=0.0)

    watched(progress, 70.0)

    assert progress.verdict(70.0).reason == "3 requests are held and none was answered for 70.0 s"


def test_without_work_nothing_stalls():
    progress = StallDetector(STALL_S, now=0.0)

    verdicts = watched(progress, 1_000.0, held=0, due_s=0.0)

    assert first_stall(verdicts) is None


def test_work_is_not_older_than_its_arrival_after_a_time_without_any():
    progress = StallDetector(STALL_S, now=0.0)
    watched(progress, 500.0, held=0, due_s=0.0)

    verdicts = watched(progress, 700.0, start=501.0, due_s=501.0)

    assert first_stall(verdicts) == 501.0 + STALL_S


def test_a_request_that_waits_for_its_linger_is_no_stall():
    progress = StallDetector(STALL_S, now=0.0)

    verdicts = watched(progress, 899.0, due_s=900.0)

    assert first_stall(verdicts) is None
    assert progress.verdict(899.5).reason == "3 requests wait for their batch"


def test_a_broker_that_cannot_be_reached_is_no_stall():
    progress = StallDetector(STALL_S, now=0.0)

    verdicts = watched(progress, 1_000.0, outage="no broker answers")

    assert first_stall(verdicts) is None


def test_time_without_a_broker_does_not_count():
    progress = StallDetector(STALL_S, now=0.0)
    watched(progress, 500.0, outage="no broker answers")

    verdicts = watched(progress, 700.0, start=501.0)

    assert first_stall(verdicts) == 501.0 + STALL_S


def test_an_answer_starts_the_time_anew():
    progress = StallDetector(STALL_S, now=0.0)
    watched(progress, 50.0)
    progress.settled(now=50.0)

    verdicts = watched(progress, 200.0, start=51.0)

    assert first_stall(verdicts) == 110.0


def test_a_process_that_did_not_run_gets_the_whole_time_again():
    progress = StallDetector(STALL_S, now=0.0)
    watched(progress, 10.0)

    verdicts = watched(progress, 600.0, start=400.0)

    assert first_stall(verdicts) == 400.0 + STALL_S


def test_a_probe_right_after_such_a_pause_does_not_condemn():
    progress = StallDetector(STALL_S, now=0.0)
    watched(progress, 10.0)

    assert progress.verdict(400.0).moving


def test_work_that_is_due_at_every_look_is_due_since_the_first():
    progress = StallDetector(STALL_S, now=0.0)
    now = 0.0
    while progress.verdict(now).moving:
        now += 1.0
        progress.observe(held=1, due_s=now, outage="", now=now)

    assert now == 1.0 + STALL_S


steps = st.lists(
    st.tuples(
        st.floats(0.1, STALL_S / 2),
        st.integers(0, 3),
        st.booleans(),
        st.floats(-10, 200),
        st.booleans(),
    ),
    max_size=60,
)


@given(steps)
def test_a_stall_needs_a_whole_limit_of_due_work_a_broker_and_no_answer(history):
    progress = StallDetector(STALL_S, now=0.0)
    now = innocent_s = 0.0
    was_reachable = True
    due_s = inf
    for pause_s, held, reachable, due_in_s, settles in history:
        now += pause_s
        outage = "" if reachable else "no broker answers"
        progress.observe(held=held, due_s=now + due_in_s, outage=outage, now=now)
        if settles:
            progress.settled(now=now)
        if settles or not was_reachable:
            innocent_s = now
        was_reachable = reachable
        if not held:
            due_s = inf
        elif due_in_s > 0:
            due_s = now + due_in_s
        else:
            due_s = min(due_s, now + due_in_s)
        stalled = held > 0 and reachable and now - max(innocent_s, due_s) >= STALL_S

        assert progress.verdict(now).moving == (not stalled)


@given(st.floats(0.1, STALL_S / 2), st.floats(0, 500))
def test_every_lasting_stall_is_found_within_the_limit_and_one_look(every_s, due_s):
    progress = StallDetector(STALL_S, now=0.0)
    now = 0.0
    while progress.verdict(now).moving:
        now += every_s
        progress.observe(held=1, due_s=due_s, outage="", now=now)
        assert now <= due_s + STALL_S + every_s


def test_what_was_due_long_before_it_came_stands_still_only_from_then_on():
    for held_before in (0, 3):
        progress = StallDetector(STALL_S, now=0.0)
        watched(progress, 500.0, held=held_before, due_s=1_000.0)

        verdicts = watched(progress, 700.0, start=501.0, due_s=-3_600.0)

        assert first_stall(verdicts) == 500.0 + STALL_S
