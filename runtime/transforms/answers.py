"""A reply of a model's outputs: the labels of its classes, a vector, or the numbers themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from config.transform_tables import ReadyMade
from runtime.errors import ModelRefused
from runtime.signature import FLOATS, TensorSpec
from runtime.transform import ModelFacts
from runtime.transforms.class_names import names_in, read_names

Outputs: TypeAlias = Mapping[str, npt.NDArray[Any]]
Mask: TypeAlias = npt.NDArray[np.bool_]
"""Which tokens are the text's, (rows, tokens); the others fill it up."""
Answers: TypeAlias = Callable[[Outputs, Mask | None], Sequence[Mapping[str, Any]]]
"""One object for each row of the outputs."""

_JSON = "application/json"
_DIGITS = 6
"""Of a score, after the point: what float32 has."""
_VECTOR_DIGITS = 8
"""The same for numbers of 0.1, as vectors of length 1 have; all 17 of them would double a reply."""
_SHORTEST = 1e-12
"""Least length by which a vector is divided; torch.nn.functional.normalize has the same."""


def answers_of(table: ReadyMade, *, base: Path, facts: ModelFacts) -> Answers:
    """Return what makes replies as `table` says; raises ModelRefused when the model gives no such.

    Outputs of a model without rows are one row, less a first axis of one entry.
    """
    if facts.signature.whole:
        return _of_whole(_of_rows(table, base, facts), facts.signature.outputs)
    return _of_rows(table, base, facts)


def _of_rows(table: ReadyMade, base: Path, facts: ModelFacts) -> Answers:
    spec = _output(table, facts)
    if table.embedding is not None:
        return _Vector(spec, table.embedding, normalise=table.normalise)
    named = read_names(base / table.labels) if table.labels is not None else None
    if named is not None:
        _require_classes(spec, named)
        return _Labels(spec, named, table)
    known = names_in(facts.metadata)
    if known is not None and spec.row_shape == (len(known),):
        return _Labels(spec, known, table)
    return _Numbers([spec.name] if table.output else [each.name for each in _usable(facts)])


def reply_of(answers: Sequence[Mapping[str, Any]], *, many: bool) -> tuple[str, bytes]:
    """Return the content type and body: a list if the request was one. NaN and infinity are null."""
    return _JSON, msgspec.json.encode(answers if many else answers[0])


def _of_whole(answers: Answers, specs: Sequence[TensorSpec]) -> Answers:
    ones = {spec.name for spec in specs if _has_one_row(spec)}

    def answered(outputs: Outputs, mask: Mask | None) -> Sequence[Mapping[str, Any]]:
        rows = {
            name: array if name in ones else array[np.newaxis] for name, array in outputs.items()
        }
        return answers(rows, mask)

    return answered


class _Labels:
    def __init__(self, spec: TensorSpec, names: Sequence[str], table: ReadyMade) -> None:
        self._output = spec.name
        self._names = names
        self._scores = _ACTIVATIONS[table.activation]
        self._top = table.top
        self._threshold = table.threshold

    def __call__(self, outputs: Outputs, _: Mask | None) -> Sequence[Mapping[str, Any]]:
        return [{"labels": self._best(row)} for row in outputs[self._output]]

    def _best(self, row: npt.NDArray[Any]) -> Sequence[Mapping[str, Any]]:
        scores = self._scores(row.astype(np.float64))
        best = np.argsort(-scores, kind="stable")[: self._top]
        return [
            {"label": self._names[place], "score": round(float(scores[place]), _DIGITS)}
            for place in best
            if scores[place] >= self._threshold
        ]


class _Vector:
    def __init__(
        self, spec: TensorSpec, kind: Literal["mean", "first", "whole"], *, normalise: bool
    ) -> None:
        _require_vector(spec, kind)
        self._output = spec.name
        self._kind = kind
        self._normalise = normalise

    def __call__(self, outputs: Outputs, mask: Mask | None) -> Sequence[Mapping[str, Any]]:
        values = outputs[self._output].astype(np.float32)
        if self._kind != "whole":
            own = np.ones(values.shape[:2], np.bool_) if mask is None else mask
            values = _mean(values, own) if self._kind == "mean" else _first(values, own)
        if self._normalise:
            values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), _SHORTEST)
        rounded = values.astype(np.float64).round(_VECTOR_DIGITS)
        return [{"embedding": row.tolist()} for row in rounded]


class _Numbers:
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def __call__(self, outputs: Outputs, _: Mask | None) -> Sequence[Mapping[str, Any]]:
        lists = {name: outputs[name].tolist() for name in self._names}
        rows = zip(*lists.values(), strict=True)
        return [dict(zip(lists, row, strict=True)) for row in rows]


def _softmax(row: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers: npt.NDArray[np.float64] = np.exp(row - row.max())
    powers /= powers.sum()
    return powers


def _sigmoid(row: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 0.5 * (1 + np.tanh(0.5 * row))


def _as_it_is(row: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return row


_ACTIVATIONS = {"softmax": _softmax, "sigmoid": _sigmoid, "none": _as_it_is}


def _mean(values: npt.NDArray[np.float32], own: Mask) -> npt.NDArray[np.float32]:
    kept = np.where(own[..., np.newaxis], values, np.float32(0))
    means: npt.NDArray[np.float32] = kept.sum(axis=1)
    means /= np.maximum(own.sum(axis=1, keepdims=True), 1)
    return means


def _first(values: npt.NDArray[np.float32], own: Mask) -> npt.NDArray[np.float32]:
    first: npt.NDArray[np.float32] = values[np.arange(len(values)), own.argmax(axis=1)]
    return first


def _usable(facts: ModelFacts) -> list[TensorSpec]:
    """Return the outputs that JSON can carry, as rows; numpy has no bfloat16."""
    usable = [
        replace(spec, row_shape=spec.row_shape[1:]) if _has_one_row(spec) else spec
        for spec in facts.signature.outputs
        if spec.datatype != "BF16"
    ]
    if not usable:
        raise ModelRefused("all outputs are bfloat16", "cast one of them to float in the model")
    return usable


def _has_one_row(spec: TensorSpec) -> bool:
    return spec.whole and spec.row_shape[:1] == (1,)


def _output(table: ReadyMade, facts: ModelFacts) -> TensorSpec:
    """Return the output that was named, else the first of reals, else the first."""
    usable = _usable(facts)
    named = [spec for spec in usable if spec.name == table.output]
    if table.output and not named:
        known = ", ".join(spec.name for spec in usable)
        raise ModelRefused(
            f"transform.output: the model has no output {table.output!r}", f"it has {known}"
        )
    reals = [spec for spec in usable if spec.datatype in FLOATS]
    return (named or reals or usable)[0]


def _require_classes(spec: TensorSpec, names: Sequence[str]) -> None:
    shape = spec.row_shape
    if spec.datatype in FLOATS and len(shape) == 1 and shape[0] in {None, len(names)}:
        return
    raise ModelRefused(
        f"transform.labels has {len(names)} names, but output {spec.name!r} is"
        f" {spec.datatype} {_shown(shape)} a row, not one number for each",
        "name another file, or the right one with transform.output",
    )


def _require_vector(spec: TensorSpec, kind: str) -> None:
    axes = 1 if kind == "whole" else 2
    if spec.datatype not in FLOATS or len(spec.row_shape) != axes:
        wanted = "[numbers]" if axes == 1 else "[tokens, numbers]"
        raise ModelRefused(
            f'transform.embedding = "{kind}" is made of rows {wanted}, but output {spec.name!r} is'
            f" {spec.datatype} {_shown(spec.row_shape)} a row",
            "take another embedding, or the right output with transform.output",
        )


def _shown(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if length is None else str(length) for length in shape) + "]"
