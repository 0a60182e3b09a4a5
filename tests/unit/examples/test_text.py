"""The example of texts makes a model that knows its tickets, behind the transform of its settings."""

import json

import pytest

from tests.unit.examples.made import Example, answered


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return Example("text", tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def model(example):
    model = example.load(pytest.fail)
    yield model
    model.close()


def best_labels(model, bodies):
    return [json.loads(body)["labels"][0]["label"] for _, body in answered(model, bodies)]


def test_it_knows_the_tickets_that_it_was_trained_with(example, model):
    known = [
        (text.encode(), queue)
        for queue, texts in example.script["TICKETS"].items()
        for text in texts
    ]

    assert best_labels(model, [text for text, _ in known]) == [queue for _, queue in known]


def test_it_tells_what_the_page_s_ticket_is_about(example, model):
    assert best_labels(model, [(example.folder / "ticket.txt").read_bytes()]) == ["billing"]
