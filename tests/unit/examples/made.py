"""An example in a folder of its own, with the model that its script makes, served as its settings say."""

import runpy
import shutil
from pathlib import Path

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
    """Yield the reply to each body, each alone: batches are tests/acceptance/test_examples.py's."""
    for body in bodies:
        prepared = model.transform.preprocess(body, {})
        outputs = model.session.run(prepared.inputs, limit_s=60)
        context = prepared.kept.context if prepared.kept else None
        yield model.transform.postprocess(outputs, inputs=prepared.inputs, context=context)
