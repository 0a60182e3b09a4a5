from dataclasses import replace

from runtime.errors import ModelFailed
from runtime.length_times import time_lengths
from runtime.padding_step import LengthRun
from runtime.sample import samples
from tests.signatures import sentences


class Device:
    """Runs take a second and one more for each 16 places of a row, the first of a size twice that."""

    def __init__(self, *, longest=1_000):
        self._longest = longest
        self._seen = set()
        self.now_s = 0.0

    def run(self, inputs):
        rows, length = inputs["ids"].shape
        if length > self._longest:
            raise ModelFailed("too long")
        seconds = 1 + rows * length / 16
        self.now_s += seconds if (rows, length) in self._seen else 2 * seconds
        self._seen.add((rows, length))
        return {}


def times(device):
    signature = sentences()
    sample = next(samples(signature, free_axis=8))
    return time_lengths(device.run, signature, sample, clock=lambda: device.now_s)


def test_runs_of_several_rows_and_lengths_are_timed_once_they_are_warm():
    assert times(Device())[:3] == [
        LengthRun(1, 16, 2.0),
        LengthRun(8, 16, 9.0),
        LengthRun(1, 64, 5.0),
    ]


def test_lengths_that_the_model_does_not_take_are_left_out():
    assert [run.length for run in times(Device(longest=64))] == [16, 16, 64, 64]


def test_a_model_of_fixed_rows_runs_no_more():
    signature = replace(sentences(), fixed_rows=4)
    sample = next(samples(signature, free_axis=8))
    seen = []

    time_lengths(
        lambda inputs: seen.append(inputs["ids"].shape[0]) or {},
        signature,
        sample,
        clock=lambda: 0.0,
    )

    assert max(seen) == 4
