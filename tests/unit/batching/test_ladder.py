"""Which numbers of rows runs have on a GPU."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from daemon.batching.ladder import EXACT, STEP, Ladder, ladder_of
from runtime.signature import Signature
from tests.signatures import spec
from tests.unit.inference.engines import SIGNATURE, FakeEngine

tops = st.integers(1, 70_000)
rows = st.integers(1, 80_000)


@pytest.mark.parametrize(
    ("most_rows", "rungs"),
    [
        (1, (1,)),
        (8, (8,)),
        (9, (2, 9)),
        (64, (8, 64)),
        (100, (2, 13, 100)),
        (256, (4, 32, 256)),
        (1024, (2, 16, 128, 1024)),
    ],
)
def test_a_ladder_has_few_rungs(most_rows, rungs):
    assert Ladder.to(most_rows).rungs == rungs


@given(tops, rows)
def test_a_run_has_all_its_rows_and_at_most_eight_times_as_many_and_a_full_batch(top, asked):
    run_rows = Ladder.to(top).up(asked)

    assert asked <= run_rows <= max(top, asked)
    assert run_rows <= STEP * asked


@given(tops)
def test_every_batch_up_to_n_runs_on_a_rung(top):
    ladder = Ladder.to(top)

    assert {ladder.up(asked) for asked in range(1, min(top, 2_000) + 1)} <= set(ladder.rungs)
    assert len(ladder.rungs) <= 1 + math.ceil(math.log(top, STEP))


def test_rows_above_the_highest_rung_run_as_they_are():
    assert Ladder.to(64).up(65) == 65


def test_without_rungs_every_number_of_rows_is_as_good():
    assert [EXACT.up(3), EXACT.down(3), EXACT.within(2).up(3)] == [3, 3, 3]


@given(tops, rows)
def test_what_is_rounded_down_needs_no_filling_up(top, asked):
    ladder = Ladder.to(top)

    assert ladder.down(asked) in ladder.rungs
    assert ladder.down(asked) <= max(asked, ladder.rungs[0])


@given(tops, st.one_of(st.integers(1, 80_000), st.just(math.inf)), rows)
def test_nothing_is_filled_up_beyond_what_fits_into_memory(top, most_rows, asked):
    within = Ladder.to(top).within(most_rows)

    assert within.up(asked) <= max(most_rows, asked)
    assert set(within.rungs) <= {*Ladder.to(top).rungs, most_rows}


def settings(**max_rows):
    return Settings(
        kafka={"group": "g"},
        models={"m": {"path": "m.onnx"}},
        lanes={
            lane: {"topics": [lane], "models": ["m"], "max_rows": most}
            for lane, most in max_rows.items()
        },
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
    )


def engine(*, on_cpu, fixed_rows=None):
    made = FakeEngine()
    made.on_cpu = on_cpu
    made.signature = Signature(SIGNATURE.inputs, SIGNATURE.outputs, fixed_rows)
    return made


def test_on_a_gpu_a_model_has_one_ladder_for_all_its_lanes():
    ladder = ladder_of("m", engine(on_cpu=False), settings(standard=64, urgent=4))

    assert ladder == Ladder.to(64)


def test_rows_that_no_batch_has_for_its_bytes_are_on_no_ladder():
    large = Signature((spec("x", "FP32", (1 << 20,)),), SIGNATURE.outputs)  # 4 MiB, of 16 MiB
    free = Signature((spec("x", "FP32", (None,)),), SIGNATURE.outputs)
    made = engine(on_cpu=False)

    made.signature = large
    assert ladder_of("m", made, settings(standard=64)) == Ladder.to(4)
    made.signature = free
    assert ladder_of("m", made, settings(standard=64)) == Ladder.to(64)


@pytest.mark.parametrize(("on_cpu", "fixed_rows"), [(True, None), (False, 4)])
def test_on_the_cpu_and_with_fixed_rows_there_is_none(on_cpu, fixed_rows):
    made = engine(on_cpu=on_cpu, fixed_rows=fixed_rows)

    assert ladder_of("m", made, settings(standard=64)) is EXACT
