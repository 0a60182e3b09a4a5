"""The traits of published models (docs/models.md): each is served right, or refused with what helps."""

import numpy as np
import pytest

from runtime import ModelRefused
from tests import models, published_models

LIMIT_S = 30.0


def run(model, **inputs):
    return model.session.run(inputs, limit_s=LIMIT_S)


def whole(values, dtype=np.float32):
    """Return `values` as the one row that a whole tensor is in the line."""
    return np.asarray(values, dtype)[np.newaxis]


IMAGE = (((0, 0, 1, 1, 0.9), (0, 0, 1, 1.1, 0.8), (5, 5, 6, 6, 0.7), (8, 8, 9, 9, 0.1)),)


class TestTimeFirst:
    def test_a_time_axis_of_one_entry_is_no_batch(self, load):
        with pytest.raises(ModelRefused, match="'y' has 8 rows for 1 rows in") as refused:
            load(published_models.recogniser())

        assert "batch_axis = { y = 1 }" in refused.value.remedy

    def test_a_time_axis_as_long_as_the_sample_has_rows_is_no_batch(self, load):
        with pytest.raises(ModelRefused, match="'y' has 16 rows for 2 rows in"):
            load(published_models.recogniser("n"), sample_axis=16)

    @pytest.mark.parametrize("rows", [1, "n"])
    def test_the_axis_of_rows_may_be_told(self, load, rows):
        model = load(published_models.recogniser(rows), batch_axis={"y": 1})
        x = np.random.default_rng(1).normal(size=(1, 4, 24)).astype(np.float32)

        y = run(model, x=x)["y"]

        expected = x.reshape(1, 4, 3, 8).mean(axis=3).transpose(0, 2, 1)
        np.testing.assert_allclose(y, expected, rtol=1e-5)

    def test_rows_of_other_requests_come_back_in_their_order(self, load):
        model = load(published_models.recogniser("n"), batch_axis={"y": 1})
        x = np.arange(3, dtype=np.float32).repeat(4 * 16).reshape(3, 4, 16)

        assert run(model, x=x)["y"][:, :, 0].tolist() == [[0, 0], [1, 1], [2, 2]]


class TestVoiceDetector:
    def test_is_refused_with_the_settings_that_help(self, load):
        with pytest.raises(ModelRefused, match="'sr' is a single number") as refused:
            load(published_models.voice_detector())
        assert "constants = { sr = ... }" in refused.value.remedy

        with pytest.raises(ModelRefused, match="'state': 2") as refused:
            load(published_models.voice_detector(), constants={"sr": 8000})
        assert "batch_axis" in refused.value.remedy

        with pytest.raises(ModelRefused, match="'stateN'") as refused:
            load(published_models.voice_detector(), constants={"sr": 8000}, batch_axis={"state": 1})
        assert "batch_axis = { stateN = 1 }" in refused.value.remedy

    def test_runs_in_batches_with_its_state_rows_first(self, load):
        model = load(
            published_models.voice_detector(),
            batch_axis={"state": 1, "stateN": 1},
            constants={"sr": 8000},
        )
        state = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
        heard = np.array([[1], [2], [3]], np.float32).repeat(5, axis=1)

        outputs = run(model, input=heard, state=state)

        expected = (heard[:, :1] + state.sum(axis=(1, 2))[:, np.newaxis]) / 2
        np.testing.assert_allclose(outputs["output"], expected)
        np.testing.assert_array_equal(outputs["stateN"], state + 1)

    def test_runs_whole_as_well(self, load):
        model = load(published_models.voice_detector(), batch="none")
        state = np.ones((2, 1, 4), np.float32)

        outputs = run(model, input=whole([[1, 1]]), state=whole(state), sr=whole(32000, np.int64))

        assert outputs["output"].tolist() == [[[18.0]]]
        np.testing.assert_array_equal(outputs["stateN"], (state + 1)[np.newaxis])


class TestDetector:
    def test_is_refused_with_the_setting_that_helps(self, load):
        with pytest.raises(ModelRefused) as refused:
            load(published_models.detector(), constants={"threshold": 0.5})

        assert 'batch = "none"' in refused.value.remedy

    def test_gives_as_many_boxes_as_it_finds(self, load):
        model = load(published_models.detector(), batch="none")

        outputs = run(model, image=whole(IMAGE), threshold=whole(0.5))

        assert outputs["scores"].tolist() == [pytest.approx([0.9, 0.7])]
        assert outputs["boxes"].tolist() == [[[0, 0, 1, 1], [5, 5, 6, 6]]]

    def test_finds_nothing_without_an_error(self, load):
        model = load(published_models.detector(), batch="none", constants={"threshold": 0.95})

        outputs = run(model, image=whole(IMAGE))

        assert (outputs["boxes"].shape, outputs["scores"].shape) == ((1, 0, 4), (1, 0))


class TestTables:
    def test_a_wrong_length_in_the_file_gives_way_to_what_runs_show(self, load):
        model = load(published_models.boosted_trees())

        outputs = run(model, x=np.eye(3, dtype=np.float32))

        assert outputs["label"].tolist() == [0, 1, 2]
        assert outputs["probabilities"].shape == (3, 3)

    def test_zipmap_is_refused_with_both_ways_out(self, load):
        with pytest.raises(ModelRefused, match="'maps' is a seq") as refused:
            load(published_models.pipeline_with_zipmap())

        assert "zipmap=False" in refused.value.remedy
        assert 'outputs = ["label"]' in refused.value.remedy

    def test_an_output_that_is_no_tensor_may_be_left_out(self, load):
        model = load(published_models.pipeline_with_zipmap(), outputs=["label"])

        assert run(model, x=np.eye(3, dtype=np.float32)) == {"label": pytest.approx([0, 1, 2])}

    def test_a_locale_that_is_not_here_is_no_fault_of_the_file(self, load):
        with pytest.raises(ModelRefused, match="no_WHERE") as refused:
            load(published_models.text_features())

        assert 'locale="C"' in refused.value.remedy
        assert "onnx.checker" not in refused.value.remedy

    def test_a_locale_that_is_everywhere_is_served(self, load):
        model = load(published_models.text_features("C"))

        assert run(model, x=np.array(["A", "bC"], np.object_))["y"].tolist() == ["a", "bc"]


class TestSingleNumbers:
    def test_one_that_is_the_same_for_all_is_a_constant(self, load):
        model = load(models.mixed_batch(), constants={"factor": 2})

        y = run(model, a=np.ones((3, 2), np.float32))["y"]

        assert y.tolist() == [[2, 2]] * 3

    def test_a_sum_over_the_batch_is_refused(self, load):
        with pytest.raises(ModelRefused, match="'y' has no rows for 2 rows in"):
            load(models.scalar_output())

    def test_a_sum_over_a_request_is_served_whole(self, load):
        model = load(models.scalar_output(), batch="none", sample_axis=3)

        assert run(model, x=whole([[1, 2], [3, 4]]))["y"].tolist() == [10]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a", "constants.factor is not FP32"),
        (True, "is not FP32"),
        ([1, 2], r"has shape \[2\], the model takes \[1\]"),
        ([[1], [1, 2]], "is ragged"),
    ],
)
def test_a_constant_that_does_not_fit_is_refused(load, value, reason):
    with pytest.raises(ModelRefused, match=reason):
        load(models.mixed_batch(), constants={"factor": value})


@pytest.mark.parametrize("value", [1.5, 2**63])
def test_no_constant_is_rounded_to_an_integer(load, value):
    with pytest.raises(ModelRefused, match="is not INT64"):
        load(published_models.voice_detector(), batch="none", constants={"sr": value})
