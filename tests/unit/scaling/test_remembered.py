"""What a worker served last time: how it is written, and whether it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.remembered import LONGEST, OLDEST_S, Remembered, Subject, believed
from tests.unit.scaling.sights import settings

NOW_S = 1_796_000_000.0
MINE = Subject.of(settings(), "aaaaaaaaaaaa")
DAY_S = 86_400.0


def remembered(rate=100.0, *, age_s=DAY_S, subject=MINE, start_s=2.5):
    return Remembered(rate, start_s, NOW_S - age_s, subject)


def rate(*texts, subject=MINE):
    found = believed(texts, subject, NOW_S)
    return None if found is None else found.service_rate


@given(
    st.floats(0.001, 1e12),
    st.none() | st.floats(0, 1e9),
    st.integers(0, 10**11),
    st.sampled_from(["", "0123456789ab"]),
)
def test_what_is_written_is_read_and_has_room_in_a_commit(served, start_s, at_s, files):
    written = Remembered(served, start_s, float(at_s), MINE._replace(files=files))

    read = Remembered.read(written.text)

    assert read is not None
    assert read.service_rate == pytest.approx(min(served, 1e9), abs=1e-4, rel=1e-6)
    assert (read.start_s is None) == (start_s is None)
    assert read[2:] == written[2:]
    assert len(written.text) <= LONGEST
    assert not set(written.text) & set(";=")


@given(st.text() | st.text("0123456789.,abcdef"))
def test_whatever_else_stands_there_is_passed_over(text):
    read = Remembered.read(text)

    assert read is None or read.service_rate > 0


def test_the_newest_that_is_believed_counts():
    newest = remembered(70.0, age_s=60.0)
    of_others = remembered(50.0, age_s=1.0, subject=Subject("0" * 12))

    assert rate(remembered().text, newest.text, of_others.text, "somebody's words") == 70


def test_what_is_too_old_is_not_believed():
    assert rate(remembered(age_s=OLDEST_S).text) == 100
    assert rate(remembered(age_s=OLDEST_S + 1).text) is None


def test_a_clock_that_went_back_makes_nothing_unbelievable():
    assert rate(remembered(age_s=-DAY_S).text) == 100


def test_other_model_files_are_not_believed():
    assert rate(remembered(subject=MINE._replace(files="b" * 12)).text) is None


@pytest.mark.parametrize(("theirs", "mine"), [("", "a" * 12), ("a" * 12, ""), ("", "")])
def test_files_that_one_of_both_could_not_read_are_no_difference(theirs, mine):
    assert (
        rate(
            remembered(subject=MINE._replace(files=theirs)).text, subject=MINE._replace(files=mine)
        )
        == 100
    )


@pytest.mark.parametrize(
    "other",
    [
        settings(lane={"max_rows": 8}),
        settings(lane={"eager": True}),
        settings(models={"m": {"path": "other.onnx"}}),
        settings(models={"m": {"path": "model.onnx", "threads": 2}}),
        settings(limits={"batches_in_flight": 1}),
    ],
)
def test_settings_that_decide_how_long_a_batch_takes_make_it_another_subject(other):
    assert not Subject.of(other, MINE.files).covers(MINE)


@pytest.mark.parametrize(
    "other",
    [
        settings(lane={"linger": "7s"}),
        settings(lane={"timeout": "9s"}),
        settings(scaling={"idle": "5s"}),
    ],
)
def test_settings_that_do_not_are_the_same_subject(other):
    assert Subject.of(other, MINE.files).covers(MINE)
