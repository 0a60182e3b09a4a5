"""What the tests of a GPU share. `make gpu-proof` runs them on the CPU where there is no card: a dry run.

That shows that the tests work, and nothing of a GPU; what only a card can show takes `card` and is
skipped then.
"""

import os

import pytest

from config.settings import Model as Settings
from runtime import cuda, load_model
from tests import models

DRY_RUN = "GPU_PROOF_DRY_RUN"
"""The environment variable with which the tests run without a card."""


@pytest.fixture
def device():
    """Where models run: "cuda", in a dry run "cpu"."""
    if os.environ.get(DRY_RUN):
        return "cpu"
    obstacle = cuda.obstacle()
    if obstacle is not None:  # asked for by name, so that its absence is no pass
        pytest.fail(str(obstacle))
    return "cuda"


@pytest.fixture
def provider(device):
    """What onnxruntime calls it."""
    return "CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider"


@pytest.fixture
def card(device):
    """For what only a card can show."""
    if device != "cuda":
        pytest.skip("only a card can show that")


@pytest.fixture
def load(device, tmp_path):
    """Return a function that saves a model and loads it; all are closed."""
    loaded = []

    def load(made, device=device, **settings):
        path = models.save(made, tmp_path)
        chosen = Settings(path=str(path), device=device, **settings)
        loaded.append(load_model(chosen, base=tmp_path, on_stuck=pytest.fail))
        return loaded[-1].session

    yield load
    for model in loaded:
        model.close()
