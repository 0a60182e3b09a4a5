import pytest

from config.settings import Model as Settings
from runtime import load_model
from tests import models


@pytest.fixture
def load(tmp_path):
    """Return a function that saves a model and loads it, by default on the CPU; all are closed."""
    loaded = []
    stuck = []

    def load(made, *, base=tmp_path, external=False, **settings):
        path = models.save(made, tmp_path, external=external)
        chosen = Settings(**{"path": str(path), "device": "cpu", **settings})
        loaded.append(load_model(chosen, base=base, on_stuck=stuck.append))
        return loaded[-1]

    yield load
    for model in loaded:
        model.close()
    assert stuck == []
