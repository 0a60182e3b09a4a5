"""Makes model/: a pipeline over columns of strings and numbers, and a request.

It has the nodes that scikit-learn's converter (skl2onnx) writes for a ColumnTransformer with a
OneHotEncoder, a StandardScaler and a LogisticRegression, fitted here to orders that are made up.
Needs the package onnx: Tidemill's extra `load`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

TARGET = Path(__file__).parent / "model"
WORDS = {
    "country": ["DE", "FR", "NO", "PL", "US"],
    "payment": ["card", "invoice", "transfer"],
}
NUMBERS = ("amount", "items")
LABELS = ("paid", "unpaid")
_RISKS = {"invoice": 1.5, "US": 0.5, "NO": -0.5}
_ORDERS = 2000
_STEPS = 300


def make_orders(seed: int, count: int) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_]]:
    """Return columns by name, and which of the orders stayed unpaid."""
    random = np.random.default_rng(seed)
    columns: dict[str, npt.NDArray[Any]] = {
        name: random.choice(words, count) for name, words in WORDS.items()
    }
    columns["amount"] = random.lognormal(4, 1, count).astype(np.float32)
    columns["items"] = random.integers(1, 9, count).astype(np.float32)
    risk = 0.01 * columns["amount"] - 0.2 * columns["items"] - 2
    for name in WORDS:
        risk += np.array([_RISKS.get(word, 0) for word in columns[name]])
    return columns, random.random(count) < 1 / (1 + np.exp(-risk))


def make_model() -> onnx.ModelProto:
    """Return a column [rows, 1] for each name -> label string [rows], probabilities [rows, 2]."""
    columns, unpaid = make_orders(1, _ORDERS)
    mean = [float(columns[name].mean()) for name in NUMBERS]
    scale = [1 / float(columns[name].std()) for name in NUMBERS]
    scaled = [(columns[name] - mean[place]) * scale[place] for place, name in enumerate(NUMBERS)]
    hot = [columns[name] == word for name, words in WORDS.items() for word in words]
    weights, bias = _fit(np.stack([*scaled, *hot], axis=1).astype(np.float64), unpaid)

    ml = {"domain": "ai.onnx.ml"}
    encoders = [
        helper.make_node(
            "OneHotEncoder", [name], [f"hot_{name}"], cats_strings=words, zeros=1, **ml
        )
        for name, words in WORDS.items()
    ]
    nodes = [
        helper.make_node("Concat", list(NUMBERS), ["numbers"], axis=1),
        helper.make_node("Scaler", ["numbers"], ["scaled"], offset=mean, scale=scale, **ml),
        *encoders,
        *(helper.make_node("Reshape", [f"hot_{name}", "flat"], [f"flat_{name}"]) for name in WORDS),
        helper.make_node(
            "Concat", ["scaled", *(f"flat_{name}" for name in WORDS)], ["all"], axis=1
        ),
        helper.make_node(
            "LinearClassifier",
            ["all"],
            ["label", "probabilities"],
            classlabels_strings=LABELS,
            coefficients=[*-weights, *weights],
            intercepts=[-bias, bias],
            post_transform="LOGISTIC",
            **ml,
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "orders",
        [helper.make_tensor_value_info(name, TensorProto.STRING, ["rows", 1]) for name in WORDS]
        + [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 1]) for name in NUMBERS],
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["rows"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 2]),
        ],
        [numpy_helper.from_array(np.array([0, -1]), "flat")],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _fit(
    rows: npt.NDArray[np.float64], unpaid: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the weights and bias of a logistic regression, by its gradient."""
    weights, bias = np.zeros(rows.shape[1]), 0.0
    for _ in range(_STEPS):
        error = 1 / (1 + np.exp(-(rows @ weights + bias))) - unpaid
        weights -= rows.T @ error / len(rows)
        bias -= float(error.mean())
    return weights, bias


def request_of(columns: dict[str, npt.NDArray[Any]]) -> str:
    """Return the orders as a request: Open Inference Protocol JSON."""
    return json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "shape": [len(column), 1],
                    "datatype": "BYTES" if name in WORDS else "FP32",
                    "data": column.tolist(),
                }
                for name, column in columns.items()
            ]
        },
        indent=2,
    )


def main() -> None:
    """Write the model, and two orders as a request."""
    TARGET.mkdir(exist_ok=True)
    onnx.save_model(make_model(), TARGET / "model.onnx")
    columns = {
        "country": np.array(["NO", "US"]),
        "payment": np.array(["card", "invoice"]),
        "amount": np.array([80, 450]),
        "items": np.array([4, 1]),
    }
    (TARGET / "orders.json").write_text(request_of(columns) + "\n", encoding="utf-8")
    print(f"The model is in {TARGET}")


if __name__ == "__main__":
    main()
