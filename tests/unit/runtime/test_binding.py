"""Runs in buffers that are used again give what plain runs give, to the last bit."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.settings import Model as Settings
from runtime import ModelFailed, ModelTimeout, OutputInvalid, load_model
from runtime.sample import samples
from tests import models

LIMIT_S = 30.0
MADE = {
    "mlp": models.mlp(),
    "two inputs": models.two_inputs(),
    "free axis": models.dynamic_axis(),
    "convolution": models.convolution(),
    "half": models.half(),
    "logarithm": models.logarithm(),
    "lookup": models.lookup(10),
    "fixed": models.fixed_batch(4),
    "strings": models.text(),
    "bfloat16": models.bfloat_and_count(),
    "bool": models.identity("BOOL"),
    "double": models.identity("DOUBLE"),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A model by name, plain and bound."""
    pairs = {}

    def loaded(name):
        if name not in pairs:
            folder = tmp_path_factory.mktemp("model")
            path = models.save(MADE[name], folder)
            pairs[name] = [
                load_model(
                    Settings(path=str(path), device="cpu", io_binding=bound),
                    base=folder,
                    on_stuck=pytest.fail,
                )
                for bound in (False, True)
            ]
        return [model.session for model in pairs[name]]

    yield loaded
    for model in [model for pair in pairs.values() for model in pair]:
        model.close()


def inputs_of(signature, rows, length, seed):
    """Random inputs that the models take."""
    random = np.random.default_rng(seed)
    (sample, *_) = samples(signature, free_axis=length)
    inputs = sample.of(rows)
    for spec in signature.inputs:
        array = inputs[spec.name]
        if spec.datatype.startswith("FP"):
            inputs[spec.name] = random.normal(size=array.shape).astype(spec.dtype)
        elif spec.datatype == "INT64":
            inputs[spec.name] = random.integers(0, 10, array.shape)
        elif spec.datatype == "BOOL":
            inputs[spec.name] = random.random(array.shape) < 0.5
        if seed % 2:
            inputs[spec.name].flags.writeable = False  # as raw rows are
    return inputs


runs = st.lists(
    st.tuples(st.integers(1, 9), st.integers(3, 6), st.integers(0, 99)), min_size=1, max_size=8
)


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=runs)
def test_bound_runs_give_what_plain_runs_give_and_change_no_earlier_result(loaded, name, runs):
    plain, bound = loaded(name)
    seen = []
    for rows, length, seed in runs:
        most = min(rows, plain.signature.fixed_rows or rows)
        inputs = inputs_of(plain.signature, most, length, seed)
        with np.errstate(invalid="ignore"):
            seen.append((plain.run(inputs, limit_s=LIMIT_S), bound.run(inputs, limit_s=LIMIT_S)))

    for expected, given_ in seen:
        assert list(expected) == list(given_)
        for output, array in expected.items():
            assert given_[output].dtype == array.dtype
            np.testing.assert_array_equal(given_[output], array)


def test_only_models_whose_tensors_have_buffers_are_bound(loaded):
    bound = {
        name: all(place.bound is not None for place in loaded(name)[1]._places) for name in MADE
    }

    assert {name for name, is_bound in bound.items() if not is_bound} == {"strings", "bfloat16"}


def test_a_bound_run_really_runs_in_its_buffers(loaded, monkeypatch):
    _, session = loaded("mlp")
    monkeypatch.setattr(session._session, "run", pytest.fail)

    x = np.ones((3, 16), np.float32)
    first, again = (session.run({"x": x}, limit_s=LIMIT_S)["y"] for _ in range(2))

    np.testing.assert_array_equal(first, again)


def test_buffers_are_kept_for_few_shapes(loaded):
    _, session = loaded("mlp")

    for rows in range(1, 20):
        session.run({"x": np.ones((rows, 16), np.float32)}, limit_s=LIMIT_S)

    (place,) = session._places
    assert len(place.bound._kept) == 4


@pytest.mark.parametrize("io_binding", [False, True])
def test_what_fails_fails_in_the_same_words(load, io_binding):
    session = load(models.lookup(10), io_binding=io_binding).session

    with pytest.raises(ModelFailed, match="out of data bounds"):
        session.run({"x": np.array([1, 99])}, limit_s=LIMIT_S)

    assert session.run({"x": np.array([1])}, limit_s=LIMIT_S)["y"].tolist() == [[2.0, 3.0]]


def test_an_output_with_other_rows_than_its_buffer_is_told_as_ever(load):
    session = load(models.lost_rows(), minimum=1.0, io_binding=True).session

    with pytest.raises(OutputInvalid, match="'y' has 1 rows for 2 rows in"):
        session.run({"x": np.array([[0, 0], [1, 1]], np.float32)}, limit_s=LIMIT_S)


def test_an_endless_run_is_ended_at_its_limit(load):
    session = load(models.loop(), io_binding=True).session

    with pytest.raises(ModelTimeout):
        session.run({"x": np.array([2**40])}, limit_s=0.05)

    assert session.run({"x": np.array([3])}, limit_s=LIMIT_S)["y"].tolist() == [67.0]


def test_buffers_do_not_hold_a_session_that_is_closed(load):
    session = load(models.mlp(), io_binding=True).session
    session.run({"x": np.ones((3, 16), np.float32)}, limit_s=LIMIT_S)
    left = weakref.ref(session._session)
    gc.disable()
    try:
        session.close(wait=True)

        assert left() is None
    finally:
        gc.enable()
