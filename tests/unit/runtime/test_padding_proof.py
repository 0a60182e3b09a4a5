"""Whether a model may be padded is found out when it is loaded."""

import pytest

from runtime import ModelRefused
from runtime.padding_step import MOST_STEP
from tests import models

LENGTH = {"axis": "length", "step": 16}
LIMIT_S = 10.0


@pytest.fixture
def load_padded(load):
    """Return a function that loads a model and returns what it takes and gives."""

    def load_padded(made, tensor="ids", **settings):
        return load(made, inputs={tensor: {"pad": LENGTH}}, **settings).session.signature

    return load_padded


def test_a_model_that_leaves_out_what_is_masked_may_be_padded(load_padded):
    (axis,) = load_padded(models.sentences()).padding.axes

    assert axis.inputs == (("ids", 0), ("mask", 0))
    assert axis.outputs == (("words", 0),)


@pytest.mark.parametrize("sample_axis", [1, 8, 16, 100])
def test_whatever_the_length_of_the_sample(load_padded, sample_axis):
    assert load_padded(models.sentences(), sample_axis=sample_axis).padding is not None


def test_a_layer_that_reads_from_the_end_is_refused(load_padded):
    with pytest.raises(
        ModelRefused, match=r"output 'y' is off by .* \(length 8 to 16\)"
    ) as refused:
        load_padded(models.recurrent("reverse"), "x")

    assert "reads backwards" in refused.value.remedy


def test_one_that_reads_from_the_beginning_is_not(load_padded):
    (axis,) = load_padded(models.recurrent("forward"), "x").padding.axes

    assert axis.outputs == (("y", 0),)


def test_a_mean_over_all_places_is_refused(load_padded):
    with pytest.raises(ModelRefused, match="output 'mean' is off by"):
        load_padded(models.sentences(masked=False))


@pytest.mark.parametrize("sample_axis", [8, 100])
def test_so_is_a_maximum_that_may_be_below_what_fills_rows_up(load_padded, sample_axis):
    """Zeros are not seen among values above them; a request's may be below."""
    with pytest.raises(ModelRefused, match="output 'y' is off by"):
        load_padded(models.largest(), "x", sample_axis=sample_axis)


@pytest.mark.parametrize(
    ("pad", "settings"),
    [({}, {"minimum": 0}), ({}, {"minimum": 0, "maximum": 255}), ({"value": -9}, {})],
)
def test_one_that_cannot_be_is_not(load, pad, settings):
    inputs = {"x": {"pad": {**LENGTH, **pad}}}

    assert load(models.largest(), inputs=inputs, **settings).session.signature.padding is not None


def test_so_is_one_over_rows_that_are_like_what_fills_them_up(load):
    """The usual sample has ones in all places; padded with ones its mean would be the same."""
    pad = {**LENGTH, "value": 1}

    with pytest.raises(ModelRefused, match="output 'mean' is off by"):
        load(models.sentences(masked=False), inputs={"ids": {"pad": pad}})


def test_axes_that_must_agree_under_two_names_become_one(load):
    """Padded each for itself, rows of unequal lengths would run and give what is nobody's answer."""
    pads = {"a": {"pad": {"axis": "left", "step": 8}}, "b": {"pad": {"axis": "right"}}}

    (axis,) = load(models.sum_of_two(), inputs=pads).session.signature.padding.axes

    assert axis.inputs == (("a", 0), ("b", 0))
    assert (axis.name, axis.step) == ("left and right", 16)


def test_axes_that_need_not_agree_stay_two(load):
    inputs = {"a": {"pad": LENGTH}, "b": {"pad": {"axis": "other"}}}

    axes = load(models.two_identities(), inputs=inputs).session.signature.padding.axes

    assert [axis.outputs for axis in axes] == [(("c", 0),), (("d", 0),)]


def test_nor_do_they_where_both_are_as_short(load):
    """Tried at one length, each output would be cut back to either."""
    inputs = {
        "a": {"pad": {**LENGTH, "longest": 8}},
        "b": {"pad": {"axis": "other", "longest": 8}},
    }

    axes = load(models.two_identities(), inputs=inputs).session.signature.padding.axes

    assert [axis.outputs for axis in axes] == [(("c", 0),), (("d", 0),)]


def test_axes_too_short_to_be_told_apart_are_refused(load):
    inputs = {
        "a": {"pad": {**LENGTH, "longest": 2}},
        "b": {"pad": {"axis": "other", "longest": 2}},
    }

    with pytest.raises(ModelRefused, match="axis other is never longer than 2, and others are"):
        load(models.two_identities(), inputs=inputs, sample_axis=2)


def test_a_model_of_one_row_may_be_padded(load_padded):
    made = models.identity(shape=(1, "length"))

    (axis,) = load_padded(made, "x").padding.axes

    assert axis.outputs == (("y", 0),)


def test_an_output_that_has_another_length_is_refused(load_padded):
    with pytest.raises(ModelRefused, match=r"\[2, 8\] where rows are padded .* \[2, 4\]"):
        load_padded(models.halved(), "x")


def test_a_model_that_fails_on_longer_rows_is_refused(load_padded):
    with pytest.raises(ModelRefused, match="fails on rows padded from length 4 to 16") as refused:
        load_padded(models.sentences(positions=8), sample_axis=4)

    assert "say `pad` for each input" in refused.value.remedy


def test_one_whose_longest_rows_are_known_is_padded_within_them(load):
    pad = {**LENGTH, "longest": 8}

    session = load(models.sentences(positions=8), inputs={"ids": {"pad": pad}}).session

    assert session.signature.padding.padded(((3,), (3,))) == ((8,), (8,))


def test_the_model_is_warmed_with_the_lengths_of_padded_rows(load, monkeypatch):
    session = load(models.sentences(), inputs={"ids": {"pad": LENGTH}}).session
    lengths = []
    run = session.run
    monkeypatch.setattr(
        session,
        "run",
        lambda inputs, **limit: lengths.append(inputs["ids"].shape) or run(inputs, **limit),
    )

    session.warm_up([4], limit_s=LIMIT_S)

    assert lengths == [(4, 16)]


def test_a_model_without_padding_has_none(load):
    assert load(models.sentences()).session.signature.padding is None


def test_a_step_can_be_measured_at_the_start(load):
    """Of a model so small that only batches cost."""
    session = load(models.sentences(), inputs={"ids": {"pad": {**LENGTH, "step": "auto"}}}).session

    assert [axis.step for axis in session.signature.padding.axes] == [MOST_STEP]


def test_how_far_padded_rows_may_be_off_is_set_as_for_neighbours(load_padded):
    assert load_padded(models.recurrent("reverse"), "x", batch_tolerance=100.0).padding is not None
