import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from config.settings import Model as Settings
from runtime import ModelFailed, ModelRefused, ModelTimeout, OutputInvalid, RunError, load_model
from runtime.sample import Sample
from tests import models

LIMIT_S = 30.0
FOREVER = np.array([2**40])


def test_a_batch_gets_the_models_answers(load):
    model = models.mlp()
    session = load(model).session
    weights = [
        np.frombuffer(w.raw_data, np.float32).reshape(w.dims) for w in model.graph.initializer
    ]
    x = np.random.default_rng(2).normal(size=(5, 16)).astype(np.float32)

    y = session.run({"x": x}, limit_s=LIMIT_S)["y"]

    np.testing.assert_allclose(y, np.maximum(x @ weights[0], 0) @ weights[1], rtol=1e-5, atol=1e-5)


def test_every_output_comes_back_by_name(load):
    session = load(models.two_inputs()).session

    outputs = session.run(
        {"a": np.zeros((2, 4), np.float32), "b": np.ones((2, 2, 3), np.int64)}, limit_s=LIMIT_S
    )

    assert {name: array.tolist() for name, array in outputs.items()} == {
        "total": [[6.0] * 4] * 2,
        "count": [6, 6],
    }


def test_external_weights_give_the_same_answers(load):
    x = np.ones((2, 16), np.float32)

    inside = load(models.mlp()).session.run({"x": x}, limit_s=LIMIT_S)["y"]
    outside = load(models.mlp(), external=True).session.run({"x": x}, limit_s=LIMIT_S)["y"]

    np.testing.assert_array_equal(inside, outside)


def test_free_axes_may_differ_from_run_to_run(load):
    session = load(models.dynamic_axis()).session

    for length in (1, 3, 100):
        y = session.run({"x": np.full((2, length), 7, np.float32)}, limit_s=LIMIT_S)["y"]
        assert y.tolist() == [[7.0], [7.0]]


@pytest.mark.parametrize("rows", [1, 3, 4])
def test_a_fixed_batch_is_filled_up_and_cut_back(load, rows):
    session = load(models.fixed_batch(4)).session
    x = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)

    y = session.run({"x": x}, limit_s=LIMIT_S)["y"]

    np.testing.assert_array_equal(y, 2 * x)


def test_more_rows_than_a_fixed_batch_fail(load):
    session = load(models.fixed_batch(4)).session

    with pytest.raises(ModelFailed):
        session.run({"x": np.zeros((5, 2), np.float32)}, limit_s=LIMIT_S)


def test_float16_goes_through(load):
    y = load(models.half()).session.run({"x": np.ones((1, 2), np.float16)}, limit_s=LIMIT_S)["y"]

    assert (y.dtype, y.tolist()) == (np.float16, [[2.0, 2.0]])


def test_bfloat16_goes_through_as_bits(load):
    one, two = 0x3F80, 0x4000
    x = np.full((2, 4), one, np.uint16)[:, ::2]  # not contiguous

    y = load(models.bfloat()).session.run({"x": x}, limit_s=LIMIT_S)["y"]

    assert (y.dtype, y.tolist()) == (np.uint16, [[two, two]] * 2)


def test_bfloat16_beside_other_types_goes_through(load):
    x = np.full((1, 2), 0x3F80, np.uint16)
    session = load(models.bfloat_and_count()).session

    outputs = session.run({"x": x, "k": np.array([3])}, limit_s=LIMIT_S)

    assert outputs["y"].tolist() == [[1.0, 1.0]]
    assert outputs["twice"].tolist() == [6]


def test_strings_go_through(load):
    x = np.array(["a", "é\x00", ""], np.object_)

    y = load(models.text()).session.run({"x": x}, limit_s=LIMIT_S)["y"]

    assert y.tolist() == ["aa", "é\x00é\x00", ""]


def test_one_bad_row_fails_the_run_and_the_session_goes_on(load):
    session = load(models.lookup(10)).session

    with pytest.raises(ModelFailed, match="out of data bounds"):
        session.run({"x": np.array([1, 99])}, limit_s=LIMIT_S)

    assert session.run({"x": np.array([1])}, limit_s=LIMIT_S)["y"].tolist() == [[2.0, 3.0]]


def test_a_failures_detail_says_what_happened_and_not_where(load):
    session = load(models.divide()).session
    one, zero = np.array([1], np.int32), np.array([0], np.int32)

    with pytest.raises(ModelFailed) as failed:
        session.run({"a": one, "b": zero}, limit_s=LIMIT_S)

    assert failed.value.detail == "Integer division by zero"


def test_an_endless_run_is_ended_at_its_limit(load):
    session = load(models.loop()).session

    with pytest.raises(ModelTimeout, match=r"0\.05 s"):
        session.run({"x": FOREVER}, limit_s=0.05)


def test_the_session_runs_on_after_a_run_was_ended(load):
    session = load(models.loop()).session
    with pytest.raises(ModelTimeout):
        session.run({"x": FOREVER}, limit_s=0.05)

    assert session.run({"x": np.array([3])}, limit_s=LIMIT_S)["y"].tolist() == [67.0]


def test_a_second_run_waits_its_turn_with_its_whole_limit(load):
    session = load(models.loop()).session
    ended = []

    def run_forever():
        with pytest.raises(ModelTimeout):
            session.run({"x": FOREVER}, limit_s=0.2)
        ended.append(True)

    thread = threading.Thread(target=run_forever)
    thread.start()
    session.run({"x": np.array([3])}, limit_s=LIMIT_S)
    thread.join()

    assert ended == [True]


def test_two_runs_at_once_have_each_its_own_limit(tmp_path):
    path = models.save(models.loop(), tmp_path)
    settings = Settings(path=str(path), device="cpu")
    model = load_model(settings, base=tmp_path, on_stuck=pytest.fail, runs_at_once=2)
    session, ended = model.session, []

    def run_forever(limit_s):
        with pytest.raises(ModelTimeout):
            session.run({"x": FOREVER}, limit_s=limit_s)
        ended.append(limit_s)

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run_forever, limit_s) for limit_s in (0.4, 0.2)]
        for run in runs:
            run.result(10)

    assert ended == [0.2, 0.4]
    assert session.run({"x": np.array([3])}, limit_s=LIMIT_S)["y"].tolist() == [67.0]
    model.close(wait=True)


def test_no_more_runs_go_on_at_once_than_the_session_was_made_for(tmp_path, monkeypatch):
    path = models.save(models.mlp(), tmp_path)
    settings = Settings(path=str(path), device="cpu")
    model = load_model(settings, base=tmp_path, on_stuck=pytest.fail, runs_at_once=2)
    inside, may_end = threading.Semaphore(0), threading.Semaphore(0)
    monkeypatch.setattr(
        model.session,
        "_call",
        lambda inputs, _: (inside.release(), may_end.acquire(timeout=10), [inputs["x"]])[2],
    )
    x = np.zeros((1, 16), np.float32)

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(model.session.run, {"x": x}, limit_s=LIMIT_S) for _ in range(3)]
        assert inside.acquire(timeout=10)
        assert inside.acquire(timeout=10)
        third = inside.acquire(timeout=0.05)
        may_end.release(3)
        for run in runs:
            run.result(10)

    assert not third
    model.close()


def test_an_output_that_loses_rows_is_refused_at_start(load):
    with pytest.raises(ModelRefused, match="0 rows for 2 rows in"):
        load(models.lost_rows())


def test_an_output_that_loses_rows_later_fails_the_run(load):
    session = load(models.lost_rows(), minimum=1.0).session

    with pytest.raises(OutputInvalid, match="'y' has 1 rows for 2 rows in"):
        session.run({"x": np.array([[0, 0], [1, 1]], np.float32)}, limit_s=LIMIT_S)


def test_warming_runs_the_rows_it_is_told_largest_first(load, monkeypatch):
    session = load(models.mlp()).session
    seen = []
    monkeypatch.setattr(
        session, "_call", lambda inputs, _: seen.append(len(inputs["x"])) or [inputs["x"]]
    )

    session.warm_up([1, 64, 8, 64], limit_s=LIMIT_S)

    assert seen == [64, 8, 1]


def test_warming_a_fixed_batch_stays_within_it(load):
    load(models.fixed_batch(4)).session.warm_up([1, 64], limit_s=LIMIT_S)


def test_a_model_too_slow_for_its_sample_is_refused(load, monkeypatch):
    monkeypatch.setattr("runtime.session._FIRST_RUN_S", 0.05)

    with pytest.raises(ModelRefused, match=r"2 rows: the run was ended after 0\.05 s"):
        load(models.loop(), minimum=1e12)


def test_a_model_too_slow_for_a_warm_batch_is_refused(load, monkeypatch):
    session = load(models.loop()).session
    monkeypatch.setattr(session, "_sample", Sample({"x": ((), FOREVER[0])}))

    with pytest.raises(ModelRefused, match="fails on 8 rows"):
        session.warm_up([1, 8], limit_s=0.05)


def test_the_sample_of_a_table_of_one_entry_is_found(load):
    load(models.lookup(entries=1)).session.probe(limit_s=LIMIT_S)


def test_the_sample_does_not_divide_by_zero(load):
    load(models.divide()).session.probe(limit_s=LIMIT_S)


def test_the_sample_lies_within_the_range_of_each_input(load):
    """Else the model's would have it look up what is not in its table."""
    load(models.lookup(10), minimum=10, inputs={"x": {"minimum": 0}}).session.probe(limit_s=LIMIT_S)


def test_settings_of_an_unknown_input_are_refused(load):
    with pytest.raises(ModelRefused, match="no input 'y'"):
        load(models.lookup(), inputs={"y": {"minimum": 0}})


def test_a_model_that_fails_every_sample_is_refused_with_the_remedy(load):
    with pytest.raises(ModelRefused, match="every warm-up sample") as refused:
        load(models.lookup(10), minimum=10)

    assert "sample_axis" in refused.value.remedy


def test_a_free_axis_of_the_sample_has_the_length_that_was_set(load):
    with pytest.raises(ModelRefused, match="with free axes of length 8: "):
        load(models.convolution(9))

    load(models.convolution(9), sample_axis=16).session.probe(limit_s=LIMIT_S)


def test_a_closed_session_fails_its_runs(load):
    session = load(models.mlp()).session
    session.close()

    with pytest.raises(RunError, match="closed"):
        session.probe(limit_s=LIMIT_S)


def test_closing_waits_for_the_run_that_is_under_way_where_it_is_told_to(load, monkeypatch):
    session = load(models.mlp()).session
    begun, may_end = threading.Event(), threading.Event()
    monkeypatch.setattr(
        session, "_call", lambda inputs, _: (begun.set(), may_end.wait(10), [inputs["x"]])[2]
    )
    x = np.zeros((1, 16), np.float32)

    with ThreadPoolExecutor(2) as pool:
        run = pool.submit(session.run, {"x": x}, limit_s=LIMIT_S)
        assert begun.wait(10)
        closing = pool.submit(session.close, wait=True)
        with pytest.raises(TimeoutError):
            closing.result(0.05)
        may_end.set()
        closing.result(10)

    assert run.result()["y"] is x


def test_nothing_is_printed(load, capfd):
    session = load(models.lookup(10)).session
    with pytest.raises(ModelFailed):
        session.run({"x": np.array([99])}, limit_s=LIMIT_S)
    with pytest.raises(ModelRefused):
        load(models.sequence_output())
    with pytest.raises(ModelTimeout):
        load(models.loop()).session.run({"x": FOREVER}, limit_s=0.05)

    assert capfd.readouterr() == ("", "")
