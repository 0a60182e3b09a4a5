"""The example of texts makes a model that knows its tickets, behind the transform of its settings."""

import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

import config.load
from runtime import load_model

EXAMPLE = Path(__file__).parents[3] / "examples" / "text"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for name in ("tidemill.toml", "make_model.py", "ticket.txt"):
        shutil.copy(EXAMPLE / name, folder)
    return folder


@pytest.fixture(scope="module")
def tickets(folder):
    return runpy.run_path(str(folder / "make_model.py"), run_name="__main__")["TICKETS"]


@pytest.fixture(scope="module")
def model(folder, tickets):
    loaded = config.load.load(folder / "tidemill.toml", {}, [])
    model = load_model(loaded.settings.models["tickets"], base=loaded.base, on_stuck=pytest.fail)
    yield model
    model.close()


def asked(model, bodies):
    """Return the best label of each, all of them run together."""
    prepared = [model.transform.preprocess(body, {}) for body in bodies]
    names = prepared[0].inputs
    rows = {name: np.concatenate([each.inputs[name] for each in prepared]) for name in names}
    outputs = model.session.run(rows, limit_s=60)["logits"]
    for row, each in zip(outputs, prepared, strict=True):
        _, body = model.transform.postprocess(
            {"logits": row[np.newaxis]}, inputs=each.inputs, context=each.kept.context
        )
        yield json.loads(body)["labels"][0]["label"]


def test_it_knows_the_tickets_that_it_was_trained_with(model, tickets):
    known = [(text.encode(), queue) for queue, texts in tickets.items() for text in texts]

    assert list(asked(model, [text for text, _ in known])) == [queue for _, queue in known]


def test_it_tells_what_the_page_s_ticket_is_about(model, folder):
    assert list(asked(model, [(folder / "ticket.txt").read_bytes()])) == ["billing"]
