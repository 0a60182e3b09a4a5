"""Whose time it was: by the innermost function that is at a station, and by clocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.bench.profile import (
    KERNEL,
    REST,
    STATION_AT,
    STATIONS,
    THREADS,
    Profile,
    StackSample,
    by_station,
    folded,
    spent_s,
    station,
)
from tests.pages import ROOT

LOOP = ("asyncio/runners.py:Runner.run", "daemon/worker.py:run")
TAKE = ("daemon/admission/raw_lane.py:RawLane.take", "daemon/line/intake.py:Intake._admit", *LOOP)
READ = ("daemon/kafka/reading/column_reading.py:read_columns", "aiokafka/fetcher.py:x", *LOOP)


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (TAKE, "admission"),
        (TAKE[1:], "reading records"),
        (READ, "reading records"),
        (READ[1:], "Kafka client"),
        (("daemon/kafka/writing/sink.py:KafkaSink.send", *LOOP), "Kafka client"),
        (("daemon/kafka/writing/record_encoding.py:encoded_run", *READ[1:]), "encoding replies"),
        (LOOP, REST),
        ((), REST),
        (KERNEL, "kernel: sockets, memory"),
        (THREADS, "other threads"),
    ],
)
def test_the_innermost_function_at_a_station_decides(stack, expected):
    assert station(stack) == expected


@pytest.mark.parametrize(
    "function",
    [
        "numpy/core/fromnumeric.py:sum",
        "daemon/values/texts.py:Texts.rows",
        "daemon/wire/headers.py:Headers.read",
    ],
)
def test_what_a_tool_does_it_does_for_its_caller(function):
    assert station((function, *TAKE)) == "admission"


@pytest.mark.parametrize("place", STATION_AT)
def test_each_place_is_there(place):
    """So that a room that is renamed takes its station along; a library's are its own."""
    if place.startswith(("daemon/", "runtime/")):
        assert (ROOT / place).is_dir() == place.endswith("/")
        assert (ROOT / place).exists()


@pytest.mark.parametrize(
    "room",
    [
        "kafka/reading",
        "admission",
        "preparing",
        "batching",
        "inference",
        "answering",
        "kafka/group",
    ],
)
def test_each_room_of_the_line_is_at_a_station_of_its_own(room):
    assert station((f"daemon/{room}/new.py:f", *LOOP)) not in {REST, "Kafka client"}


def _profile(*samples):
    return Profile([TAKE, READ], [StackSample(*sample) for sample in samples])


def test_a_sample_stands_for_what_was_done_since_the_sample_before():
    spent = spent_s(
        _profile(
            (100.0, 1.0, 0.5, 2.0, 0),
            (101.0, 1.3, 0.6, 2.5, 0),
            (102.0, 1.4, 0.6, 2.6, 1),
        ),
        100.0,
        102.0,
    )
    assert spent == pytest.approx({TAKE: 0.3, READ: 0.1, KERNEL: 0.1, THREADS: 0.1})


def test_samples_outside_the_two_moments_do_not_count():
    samples = [(float(at), at * 1.0, 0.0, at * 1.0, 0) for at in range(6)]
    assert spent_s(_profile(*samples), 1.0, 4.0)[TAKE] == pytest.approx(3.0)


STEPS = st.floats(0, 1)


@given(st.lists(st.tuples(STEPS, STEPS, STEPS, STEPS, st.integers(0, 1)), max_size=20))
def test_every_second_is_at_one_station(steps):
    samples = [StackSample(0.0, 0.0, 0.0, 0.0, 0)]
    for apart_s, user_s, kernel_s, others_s, stack in steps:
        at_s, in_user_s, in_kernel_s, all_s, _ = samples[-1]
        all_s += user_s + kernel_s + others_s
        samples.append(
            StackSample(at_s + apart_s, in_user_s + user_s, in_kernel_s + kernel_s, all_s, stack)
        )
    by_name = by_station(spent_s(Profile([TAKE, READ], samples), -1.0, samples[-1].at_s))
    assert tuple(by_name) == STATIONS
    assert sum(by_name.values()) == pytest.approx(samples[-1].all_s)


def test_stacks_are_folded_from_the_outermost_function_in():
    assert (
        folded({("b.py:g", "a.py:f"): 0.0021, THREADS: 1.0})
        == "a.py:f;b.py:g 2\nother threads 1000\n"
    )
