"""The example of pictures makes a model that names their colours, behind the transform of its settings."""

import json
from io import BytesIO

import pytest
from PIL import Image

from tests.unit.examples.made import Example, answered


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return Example("image", tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def model(example):
    model = example.load(pytest.fail)
    yield model
    model.close()


def labels(model, bodies):
    return [json.loads(body)["labels"] for _, body in answered(model, bodies)]


def test_a_picture_of_one_colour_is_named_by_it(example, model):
    colours = example.script["COLOURS"]
    bodies = []
    for colour in colours.values():
        file = BytesIO()
        Image.new("RGB", (30, 20), colour).save(file, "PNG")
        bodies.append(file.getvalue())

    assert [found[0]["label"] for found in labels(model, bodies)] == list(colours)


def test_the_page_s_pictures_have_the_colours_that_were_drawn(example, model):
    folder = example.folder / "model"
    flag, evening = labels(
        model, [(folder / name).read_bytes() for name in ("flag.png", "evening.jpg")]
    )

    assert [each["label"] for each in flag] == ["blue", "yellow"]
    assert [each["label"] for each in evening] == ["orange", "purple"]
    assert flag[0]["score"] == pytest.approx(0.7, abs=0.05)
