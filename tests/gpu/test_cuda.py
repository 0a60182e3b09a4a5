"""Sessions on an NVIDIA GPU; `make test-gpu`, with the extra `gpu` installed."""

import numpy as np
import pytest

from runtime import ModelOutOfMemory, ModelTimeout
from tests import models

pytestmark = pytest.mark.gpu

LIMIT_S = 60.0
# Matrix products run in TF32 on the GPU by default: 10 bits of mantissa, so 2**-10 and some steps.
CLOSE = {"rtol": 1e-2, "atol": 1e-2}
PARITY = {
    "mlp": (models.mlp((256, 512, 64)), (33, 256), np.float32),
    "convolution": (models.convolution(), (5, 3, 32, 24), np.float32),
    "deep convolution": (models.deep_convolution(), (9, 3, 32, 32), np.float32),
    "half": (models.half(), (3, 2), np.float16),
    "free axis": (models.dynamic_axis(), (4, 7), np.float32),
    "fixed": (models.fixed_batch(4), (3, 2), np.float32),
}


def numbers(*shape, dtype=np.float32):
    return np.random.default_rng(3).normal(size=shape).astype(dtype)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("asked", ["cuda", "auto"])
def test_the_session_runs_on_the_gpu_and_is_not_degraded(load, asked):
    session = load(models.mlp(), asked)

    assert (session.provider, session.degraded) == ("CUDAExecutionProvider", False)


@pytest.mark.parametrize(
    "made",
    [models.mlp(), models.convolution(), models.deep_convolution()],
    ids=["mlp", "convolution", "deep convolution"],
)
def test_every_node_is_on_the_device(load, provider, made):
    assert set(load(made).nodes) == {provider}


@pytest.mark.parametrize("io_binding", [False, True], ids=["plain", "bound"])
@pytest.mark.parametrize("name", PARITY)
def test_the_device_answers_as_the_cpu_does(load, name, io_binding):
    made, shape, dtype = PARITY[name]
    x = numbers(*shape, dtype=dtype)

    on_device = load(made, io_binding=io_binding)
    on_cpu = load(made, "cpu").run({"x": x}, limit_s=LIMIT_S)["y"]

    for _ in range(3):  # in the same buffers
        y = on_device.run({"x": x}, limit_s=LIMIT_S)["y"]
        np.testing.assert_allclose(y, on_cpu, **CLOSE)


def test_a_bound_run_really_runs_in_its_buffers(load, monkeypatch):
    session = load(models.deep_convolution(), io_binding=True)
    monkeypatch.setattr(session._session, "run", pytest.fail)  # what it would fall back to

    for rows in (1, 8, 1):
        session.run({"x": numbers(rows, 3, 32, 32)}, limit_s=LIMIT_S)


def test_bfloat16_is_answered_as_on_the_cpu(load):
    x = np.array([[0x3F80, 0x4000]], np.uint16)

    on_device = load(models.bfloat()).run({"x": x}, limit_s=LIMIT_S)["y"]
    on_cpu = load(models.bfloat(), "cpu").run({"x": x}, limit_s=LIMIT_S)["y"]

    np.testing.assert_array_equal(on_device, on_cpu)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    "options",
    [
        {"gpu_mem_limit": "1GiB"},
        {"cudnn_conv_use_max_workspace": False},
        {"cudnn_conv_algo_search": "EXHAUSTIVE"},
        {"cudnn_conv_algo_search": "DEFAULT"},
        {"arena_extend_strategy": "kNextPowerOfTwo"},
        {"cudnn_conv1d_pad_to_nc1d": True},
        {"prefer_nhwc": True},
        {"use_tf32": False},
    ],
    ids=" ".join,
)
def test_the_provider_takes_each_option_and_answers_the_same(load, options):
    x = numbers(5, 3, 32, 32)

    told = load(models.deep_convolution(), cuda=options).run({"x": x}, limit_s=LIMIT_S)["y"]
    on_cpu = load(models.deep_convolution(), "cpu").run({"x": x}, limit_s=LIMIT_S)["y"]

    np.testing.assert_allclose(told, on_cpu, **CLOSE)


@pytest.mark.usefixtures("card")
def test_without_tf32_products_agree_with_the_cpu_s_to_more_digits(load):
    x = numbers(33, 256)
    made = models.mlp((256, 512, 64))

    full = load(made, cuda={"use_tf32": False}).run({"x": x}, limit_s=LIMIT_S)["y"]
    on_cpu = load(made, "cpu").run({"x": x}, limit_s=LIMIT_S)["y"]

    np.testing.assert_allclose(full, on_cpu, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("card")
def test_a_run_beyond_the_memory_limit_says_so_and_a_smaller_one_is_made(load):
    session = load(models.expand(2**20), cuda={"gpu_mem_limit": "128MiB"})  # 4 MiB a row

    with pytest.raises(ModelOutOfMemory):
        session.run({"x": np.ones((64, 1), np.float32)}, limit_s=LIMIT_S)

    y = session.run({"x": np.ones((8, 1), np.float32)}, limit_s=LIMIT_S)["y"]
    assert y.ravel().tolist() == [2.0**20] * 8


def test_a_row_has_the_same_answer_in_every_batch(load):
    session = load(models.mlp((256, 512, 64)))
    x = numbers(64, 256)

    together = session.run({"x": x}, limit_s=LIMIT_S)["y"]
    alone = np.concatenate([session.run({"x": row[None]}, limit_s=LIMIT_S)["y"] for row in x])

    np.testing.assert_allclose(together, alone, **CLOSE)


@pytest.mark.parametrize("io_binding", [False, True], ids=["plain", "bound"])
def test_an_endless_run_is_ended_at_its_limit_and_the_session_goes_on(load, io_binding):
    session = load(models.loop(), io_binding=io_binding)
    with pytest.raises(ModelTimeout):
        session.run({"x": np.array([2**40])}, limit_s=0.5)

    assert session.run({"x": np.array([3])}, limit_s=LIMIT_S)["y"].tolist() == [67.0]


def test_warming_a_session_prints_nothing(load, capfd):
    load(models.convolution()).warm_up([1, 8, 64], limit_s=LIMIT_S)

    assert capfd.readouterr() == ("", "")
