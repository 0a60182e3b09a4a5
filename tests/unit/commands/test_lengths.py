"""What `check --lengths` says of steps; a short simulation is the judge of its rows a batch."""

import random
from dataclasses import replace

import pytest

from config.settings import Settings
from daemon.commands.lengths import BadLengths, padding_share, read_lengths, rows_a_batch, waste
from tests.signatures import one_to_one, sentences

LENGTHS = [5, 9, 17, 17, 18, 30, 31, 40]


def of(signature, lengths=LENGTHS):
    settings = Settings(
        kafka={"group": "g"},
        models={"m": {"path": "m.onnx"}},
        lanes={"l": {"topics": ["requests"], "models": ["m"], "max_rows": 32}},
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
    )
    return [each.detail for each in waste(settings, {"m": signature}, lengths)]


def test_a_file_has_one_length_a_line():
    assert read_lengths("5\n17\r\n\n 3 \n") == [5, 17, 3]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("5\nx\n", "line 2 is no whole number"),
        ("0\n", "line 1"),
        ("", "no lengths"),
        ("1.5", "line 1"),
    ],
)
def test_what_is_no_length_is_told_with_its_line(text, fault):
    with pytest.raises(BadLengths, match=fault):
        read_lengths(text)


def test_padding_is_its_share_of_what_runs():
    assert padding_share([1, 16, 17], 16) == pytest.approx(1 - 34 / 64)
    assert padding_share([1, 16, 17], 1) == 0


def test_rows_a_batch_are_those_of_a_simulation():
    chosen = random.Random(1)
    lengths = [min(max(round(chosen.lognormvariate(3, 0.7)), 1), 128) for _ in range(300)]
    for step, max_rows in ((1, 32), (16, 32), (16, 8), (128, 32)):
        mean = simulated(lengths, step, max_rows, chosen)
        assert rows_a_batch(lengths, step, max_rows) == pytest.approx(mean, rel=0.1)


def simulated(lengths, step, max_rows, chosen):
    """Requests come at random, `max_rows` of them a second, and linger a second."""
    batches, waiting, now_s, requests = 0, {}, 0.0, 60_000
    for _ in range(requests):
        now_s += chosen.expovariate(max_rows)
        bucket = -(-chosen.choice(lengths) // step)
        first_s, rows = waiting.get(bucket, (-1.0, 0))
        if now_s - first_s > 1.0 or rows == max_rows:
            batches, first_s, rows = batches + 1, now_s, 0
        waiting[bucket] = first_s, rows + 1
    return requests / batches


def test_each_step_is_told_and_which_is_set():
    (told,) = of(sentences(step=16))

    assert "where 32 requests come within linger" in told
    assert "none 5.6 · 8 7.6, 17%" in told
    assert "16 (set) " in told
    assert told.endswith("128 32.0, 84%")


def test_a_step_of_ones_own_stands_among_the_others():
    (told,) = of(sentences(step=10))

    assert "8 7.6, 17% · 10 (set) 9.1, 12%" in told


@pytest.mark.parametrize("few", [{"alone": True}, {"fixed_rows": 1}])
def test_where_rows_run_alone_no_step_helps(few):
    """It was said to have as many rows as one whose rows share runs."""
    (told,) = of(replace(sentences(), **few))

    assert told == "a batch of model m has one row, whatever the step"


def test_where_all_rows_have_one_shape_that_is_said():
    assert of(one_to_one()) == ["all rows of all models have one shape: nothing is to be padded"]
