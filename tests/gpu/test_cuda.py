"""What only an NVIDIA GPU can show; `make test-gpu`, with the extra `gpu` installed."""

import numpy as np
import pytest

from config.settings import Model as Settings
from runtime import ModelTimeout, cuda, load_model
from tests import models

pytestmark = pytest.mark.gpu

LIMIT_S = 60.0
# Matrix products run in TF32 on the GPU by default: 10 bits of mantissa, so 2**-10 and some steps.
CLOSE = {"rtol": 1e-2, "atol": 1e-2}


@pytest.fixture(autouse=True)
def gpu():
    obstacle = cuda.obstacle()
    if obstacle is not None:  # asked for by name, so that its absence is no pass
        pytest.fail(str(obstacle))


@pytest.fixture
def load(tmp_path):
    loaded = []

    def load(made, device="cuda"):
        path = models.save(made, tmp_path)
        settings = Settings(path=str(path), device=device)
        loaded.append(load_model(settings, base=tmp_path, on_stuck=pytest.fail))
        return loaded[-1].session

    yield load
    for model in loaded:
        model.close()


def numbers(*shape):
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_the_session_runs_on_the_gpu_and_is_not_degraded(load, device):
    session = load(models.mlp(), device)

    assert (session.provider, session.degraded) == ("CUDAExecutionProvider", False)


@pytest.mark.parametrize("made", [models.mlp(), models.convolution()], ids=["mlp", "convolution"])
def test_every_node_is_on_the_gpu(load, made):
    assert set(load(made).nodes) == {"CUDAExecutionProvider"}


@pytest.mark.parametrize(
    ("made", "x"),
    [
        (models.mlp((256, 512, 64)), numbers(33, 256)),
        (models.convolution(), numbers(5, 3, 32, 24)),
        (models.half(), numbers(3, 2).astype(np.float16)),
        (models.bfloat(), np.array([[0x3F80, 0x4000]], np.uint16)),
        (models.fixed_batch(4), numbers(3, 2)),
    ],
    ids=["mlp", "convolution", "half", "bfloat", "fixed"],
)
def test_the_gpu_answers_as_the_cpu_does(load, made, x):
    on_gpu = load(made).run({"x": x}, limit_s=LIMIT_S)["y"]
    on_cpu = load(made, "cpu").run({"x": x}, limit_s=LIMIT_S)["y"]

    np.testing.assert_allclose(on_gpu, on_cpu, **CLOSE)


def test_a_row_has_the_same_answer_in_every_batch(load):
    session = load(models.mlp((256, 512, 64)))
    x = numbers(64, 256)

    together = session.run({"x": x}, limit_s=LIMIT_S)["y"]
    alone = np.concatenate([session.run({"x": row[None]}, limit_s=LIMIT_S)["y"] for row in x])

    np.testing.assert_allclose(together, alone, **CLOSE)


def test_an_endless_run_is_ended_at_its_limit_and_the_session_goes_on(load):
    session = load(models.loop())
    with pytest.raises(ModelTimeout):
        session.run({"x": np.array([2**40])}, limit_s=0.5)

    assert session.run({"x": np.array([3])}, limit_s=LIMIT_S)["y"].tolist() == [67.0]


def test_warming_a_gpu_session_prints_nothing(load, capfd):
    load(models.convolution()).warm_up([1, 8, 64], limit_s=LIMIT_S)

    assert capfd.readouterr() == ("", "")
