"""The example of columns makes a model of words and numbers that learned what it was fitted to."""

import json

import numpy as np
import pytest

from tests.unit.examples.made import Example


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return Example("tabular", tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def model(example):
    model = example.load(pytest.fail)
    yield model
    model.close()


def columns_of(columns):
    return {
        name: np.asarray(column, np.object_ if name in {"country", "payment"} else np.float32)[
            :, np.newaxis
        ]
        for name, column in columns.items()
    }


def test_orders_it_has_not_seen_are_told_apart(example, model):
    columns, unpaid = example.script["make_orders"](7, 1000)
    outputs = model.session.run(columns_of(columns), limit_s=60)

    risks = outputs["probabilities"][:, 1]
    assert risks[unpaid].mean() > 2 * risks[~unpaid].mean()
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1, atol=1e-6)
    assert outputs["label"].tolist() == ["unpaid" if risk > 0.5 else "paid" for risk in risks]


def test_a_word_it_has_never_seen_counts_for_nothing(model):
    order = {"country": ["XX"], "payment": ["shells"], "amount": [80], "items": [4]}

    assert model.session.run(columns_of(order), limit_s=60)["label"].tolist() == ["paid"]


def test_the_page_s_request_is_of_two_orders(example):
    written = json.loads((example.folder / "model" / "orders.json").read_text())

    assert [each["name"] for each in written["inputs"]] == ["country", "payment", "amount", "items"]
    assert all(each["shape"] == [2, 1] for each in written["inputs"])
