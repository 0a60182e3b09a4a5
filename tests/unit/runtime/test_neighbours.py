"""Rows that change each other's answers are found out, and others are not taken for such."""

import numpy as np
import pytest
from onnx import helper

from runtime.operators import dynamic_operators
from tests import models, published_models

LIMIT_S = 30.0


def together_and_alone(model, inputs):
    """Return the first row's outputs beside the others and alone."""
    alone = {name: array[:1] for name, array in inputs.items()}
    beside = model.session.run(inputs, limit_s=LIMIT_S)
    return [
        {name: array[:1] for name, array in each.items()}
        for each in (beside, model.session.run(alone, limit_s=LIMIT_S))
    ]


@pytest.mark.parametrize(
    ("make", "settings", "operator"),
    [
        (published_models.quantised_encoder, {}, "DynamicQuantizeLinear"),
        (
            published_models.quantised_tagger,
            {"batch_axis": {"x": 1, "y": 2}},
            "DynamicQuantizeLSTM",
        ),
    ],
)
def test_a_dynamically_quantised_model_runs_its_rows_alone(load, make, settings, operator):
    model = load(make(), **settings)

    assert model.session.signature.most_rows == 1
    assert model.session.neighbours.reason.startswith(f"{operator} scales by all rows of a run")


def test_the_name_of_an_operator_is_enough(load):
    session = load(published_models.quantised_encoder(), batch_tolerance=1e3).session

    assert (session.neighbours.beyond, session.signature.most_rows) == ([], 1)


def test_the_stand_in_gives_what_published_ones_gave(load):
    model = load(published_models.quantised_encoder(), allow_neighbours=True)
    x = np.array([[0.1], [100]], np.float32).repeat(16, axis=1)

    beside, alone = together_and_alone(model, {"x": x})

    assert np.abs(beside["y"] - alone["y"]).max() > 0.05


def test_what_no_name_tells_is_measured(load):
    model = load(published_models.batch_normalised())

    neighbours = model.session.neighbours
    assert (model.session.signature.most_rows, neighbours.operators) == (1, [])
    assert neighbours.beyond == ["y"]
    assert neighbours.reason.startswith("neighbours change y by ")


@pytest.mark.parametrize("kind", ["INT64", "BOOL", "STRING", "FLOAT16", "BFLOAT16"])
def test_inputs_of_any_type_are_unlike_where_it_shows(load, kind):
    model = load(published_models.first_row_for_all(kind))

    assert model.session.neighbours.beyond == ["y"]


def test_settings_may_let_rows_run_together_all_the_same(load):
    model = load(published_models.quantised_encoder(), allow_neighbours=True)

    assert model.session.signature.most_rows is None
    assert model.session.neighbours.reason


def test_steps_that_are_taken_for_rows_are_a_doubt_that_is_told(load):
    """Time first: alone each step would begin anew."""
    steps = load(models.cumulative()).session.neighbours

    assert steps.beyond == ["y"]
    assert "name the axis of rows in batch_axis" in steps.doubt


def test_there_is_no_doubt_where_an_operator_explains_it_or_there_is_nothing(load):
    models_of = (published_models.quantised_encoder(), models.mlp())

    assert [load(each).session.neighbours.doubt for each in models_of] == ["", ""]


def test_a_tolerance_may_be_told(load):
    strict = load(published_models.batch_normalised(), batch_tolerance=100.0)

    assert strict.session.signature.most_rows is None
    assert "neighbours change y by" in strict.session.neighbours.told


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (models.mlp, {}),
        (models.two_inputs, {}),
        (models.fixed_batch, {}),
        (models.dynamic_axis, {}),
        (models.lookup, {}),
        (lambda: models.lookup(entries=1), {}),
        (models.lookup, {"minimum": 0, "maximum": 9}),
        (models.divide, {}),
        (models.quotient, {}),
        (models.half, {}),
        (models.bfloat, {}),
        (models.bfloat_and_count, {}),
        (models.text, {}),
        (models.convolution, {}),
        (models.deep_convolution, {}),
        (models.logarithm, {}),
        (published_models.boosted_trees, {}),
        (lambda: published_models.recogniser("n"), {"batch_axis": {"y": 1}}),
        (
            published_models.voice_detector,
            {"batch_axis": {"state": 1, "stateN": 1}, "constants": {"sr": 16000}},
        ),
    ],
)
def test_no_model_that_treats_rows_apart_is_suspected(load, make, settings):
    session = load(make(), **settings).session

    assert session.neighbours.reason is None
    assert session.signature.most_rows == session.signature.fixed_rows


def test_something_is_measured_where_integers_must_lie_in_small_tables(load):
    """Token ids may be 1 to 3, token types 0 and 1 alone."""
    model = load(published_models.token_encoder())

    assert model.session.neighbours.apart == {"y": 0}
    assert model.session.neighbours.told == "neighbours change nothing"


@pytest.mark.parametrize(
    ("make", "settings"),
    [(published_models.detector, {"batch": "none"}), (lambda: models.fixed_batch(1), {})],
)
def test_who_never_has_neighbours_is_not_measured(load, make, settings):
    session = load(make(), **settings).session

    assert (session.neighbours.reason, session.neighbours.told) == (None, "")


def test_a_fixed_batch_is_filled_up_with_copies_of_a_row_that_runs_alone(load):
    session = load(published_models.batch_normalised(rows=4)).session

    assert (session.signature.most_rows, session.signature.fixed_rows) == (1, 4)
    y = session.run({"x": np.ones((1, 4), np.float32)}, limit_s=LIMIT_S)["y"]
    assert y.tolist() == [[0.0] * 4]


def test_operators_are_found_in_subgraphs_and_functions():
    inner = helper.make_node("DynamicQuantizeLinear", ["x"], ["a", "b", "c"])
    body = helper.make_graph([inner], "body", [], [])
    branch = helper.make_node("If", ["go"], ["y"], then_branch=body, else_branch=body)
    inside = helper.make_function(
        "own", "F", ["x"], ["y"], [helper.make_node("DynamicQuantizeLSTM", ["x"], ["y"])], []
    )
    model = helper.make_model(helper.make_graph([branch], "g", [], []), functions=[inside])

    found = dynamic_operators(model.SerializeToString())

    assert found == {"DynamicQuantizeLinear", "DynamicQuantizeLSTM"}


def test_a_name_that_is_no_operators_is_nothing():
    node = helper.make_node("Identity", ["Dynamic"], ["DynamicQuantizeLinear"], name="Dynamic")
    model = helper.make_model(helper.make_graph([node], "Dynamic", [], []))

    assert dynamic_operators(model.SerializeToString()) == frozenset()


@pytest.mark.parametrize("length", [1, 10])
def test_a_file_that_is_cut_short_is_a_value_error(length):
    whole = published_models.quantised_encoder().SerializeToString()

    with pytest.raises(ValueError, match="cut short"):
        dynamic_operators(whole[:-length])
