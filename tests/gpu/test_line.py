"""The line with a real model on an NVIDIA GPU, between two ends without Kafka."""

import ctypes

import numpy as np
import pytest

from daemon.batching.ladder import Ladder
from tests import models
from tests.gpu.real_line import MODEL, serve, settings_of
from tests.gpu.test_cuda import CLOSE, LIMIT_S, numbers

pytestmark = pytest.mark.gpu

N = 64


@pytest.fixture
def path(tmp_path):
    """A model of several convolutions."""
    return models.save(models.deep_convolution(), tmp_path)


@pytest.fixture
def bursts():
    """Some requests at a time, as a lane that is rarely full has them."""
    return [numbers(count, 3, 32, 32) for count in (1, 5, 64, 3, 17, 9, 130, 2)]


def expected(load, bursts):
    x = np.concatenate(bursts)
    return load(models.deep_convolution(), "cpu").run({"x": x}, limit_s=LIMIT_S)["y"]


@pytest.mark.parametrize("io_binding", [False, True], ids=["plain", "bound"])
@pytest.mark.parametrize("executors", [1, 2])
async def test_every_request_gets_its_own_answer(path, device, load, bursts, executors, io_binding):
    settings = settings_of(path, device, max_rows=N, executors=executors, io_binding=io_binding)

    answered = await serve(settings, bursts, pause_s=0.03)

    np.testing.assert_allclose(np.stack(answered.outputs), expected(load, bursts), **CLOSE)


@pytest.mark.usefixtures("card")
async def test_runs_have_the_sizes_that_were_warmed(path, device, bursts):
    answered = await serve(settings_of(path, device, max_rows=N), bursts, pause_s=0.03)

    assert set(answered.sizes) <= set(Ladder.to(N).rungs)


async def test_a_sick_session_is_built_anew_and_everybody_gets_an_answer(
    path, device, provider, load, bursts
):
    seen = []

    def fall_ill(serving):
        seen.append(serving)
        serving.serving[MODEL].session._session.run = fail

    answered = await serve(settings_of(path, device, max_rows=N), bursts, before=fall_ill)

    np.testing.assert_allclose(np.stack(answered.outputs), expected(load, bursts), **CLOSE)
    assert seen[0].serving[MODEL].session.provider == provider


def fail(*_):
    raise RuntimeError("CUDA failure 700: an illegal memory access was encountered")


async def test_where_memory_is_short_everybody_gets_an_answer(tmp_path, device):
    path = models.save(models.swollen(), tmp_path)
    hungry = np.full((256, 1), 256.0, np.float32)  # 4 MiB a row; those of the sample take none
    limit = {"gpu_mem_limit": "128MiB"} if device == "cuda" else {}

    answered = await serve(settings_of(path, device, max_rows=N, cuda=limit), [hungry])

    assert [float(output[0]) for output in answered.outputs] == [256.0] * 256
    if device == "cuda":
        assert max(answered.sizes) == N, "nothing was tried that does not fit"
        assert min(answered.sizes) < N


@pytest.mark.usefixtures("card")
def test_a_closed_session_gives_the_memory_of_the_card_back(load):
    runtime = ctypes.CDLL("libcudart.so.13")

    def free_bytes():
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        assert runtime.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total)) == 0
        return free.value

    load(models.mlp()).run({"x": np.ones((1, 16), np.float32)}, limit_s=LIMIT_S)  # the libraries
    before = free_bytes()
    session = load(models.expand(2**20), io_binding=True)
    session.run({"x": np.ones((64, 1), np.float32)}, limit_s=LIMIT_S)
    held = before - free_bytes()
    session.close(wait=True)

    assert held > 200 * 2**20
    assert before - free_bytes() < 32 * 2**20
