"""An example in a folder of its own, with the model that its script makes, served as its settings say."""

import runpy
import shutil
from pathlib import Path

import numpy as np

import config.load
from runtime import load_model

EXAMPLES = Path(__file__).parents[3] / "examples"


class Example:
    """`script` has the names of its make_model.py."""

    def __init__(self, name, folder):
        self.folder = Path(folder) / name
        shutil.copytree(EXAMPLES / name, self.folder, ignore=shutil.ignore_patterns("model"))
        self.script = runpy.run_path(str(self.folder / "make_model.py"), run_name="__main__")
        self.loaded = config.load.load(self.folder / "tidemill.toml", {}, [])

    def load(self, on_stuck):
        (settings,) = self.loaded.settings.models.values()
        return load_model(settings, base=self.loaded.base, on_stuck=on_stuck)


def answered(model, bodies):
    """Yield the reply to each body; all of them run together, as in a batch."""
    prepared = [model.transform.preprocess(body, {}) for body in bodies]
    rows = {
        name: np.concatenate([each.inputs[name] for each in prepared])
        for name in prepared[0].inputs
    }
    outputs = model.session.run(rows, limit_s=60)
    for place, each in enumerate(prepared):
        own = {name: array[place : place + 1] for name, array in outputs.items()}
        context = each.kept.context if each.kept else None
        yield model.transform.postprocess(own, inputs=each.inputs, context=context)
