"""The signature that a model's file declares, for what the settings say of its tensors. Pure.

What outputs really have on their axes is not looked at: a file may be wrong about them, and the first
runs show it (runtime/trial.py).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from config.settings import Model as Settings
from runtime.errors import ModelRefused
from runtime.signature import Signature, TensorSpec
from runtime.transforms.row_shape import as_made


class Argument(Protocol):
    """onnxruntime's NodeArg, as far as it is read here."""

    name: str
    type: str
    shape: Sequence[int | str | None]


# The Open Inference Protocol's names. numpy has no bfloat16: its bits travel as uint16. A string
# is a Python str in an object array.
_ELEMENTS: dict[str, tuple[type[np.generic], str]] = {
    "bool": (np.bool_, "BOOL"),
    "uint8": (np.uint8, "UINT8"),
    "uint16": (np.uint16, "UINT16"),
    "uint32": (np.uint32, "UINT32"),
    "uint64": (np.uint64, "UINT64"),
    "int8": (np.int8, "INT8"),
    "int16": (np.int16, "INT16"),
    "int32": (np.int32, "INT32"),
    "int64": (np.int64, "INT64"),
    "float16": (np.float16, "FP16"),
    "float": (np.float32, "FP32"),
    "double": (np.float64, "FP64"),
    "bfloat16": (np.uint16, "BF16"),
    "string": (np.object_, "BYTES"),
}

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
"""Source: https://toml.io/en/v1.0.0#keys"""


def read_signature(
    inputs: Sequence[Argument], outputs: Sequence[Argument], settings: Settings
) -> Signature:
    """Return the signature; raises ModelRefused for what cannot be served with these `settings`."""
    _require_known("batch_axis", settings.batch_axis, (*inputs, *outputs))
    _require_known("constants", settings.constants, inputs)
    _require_known("outputs", settings.outputs, outputs)
    sent = [each for each in inputs if each.name not in settings.constants]
    if not sent:
        taken = "no input" if not inputs else "nothing but constants"
        raise ModelRefused(
            f"the model takes {taken}", "export it with its input as an argument of its own"
        )
    by_name = {each.name: each for each in outputs}
    wanted = [by_name[name] for name in dict.fromkeys(settings.outputs)] or outputs
    signature = Signature(
        tuple(_input(each, settings) for each in sent),
        tuple(_output(each, settings, outputs) for each in wanted),
        1 if settings.batch == "none" else _fixed_rows(sent, settings),
    )
    datatypes = {spec.datatype for spec in signature.inputs + signature.outputs}
    if {"BF16", "BYTES"} <= datatypes:
        raise ModelRefused(
            "the model mixes bfloat16 and strings, which onnxruntime's Python cannot run",
            "cast bfloat16 to float inside the model",
        )
    return as_made(signature, settings.transform)


def settled(signature: Signature, shapes: Iterable[Mapping[str, tuple[int, ...]]]) -> Signature:
    """Return `signature` with its outputs as runs showed them, where the file declares something else.

    `shapes`: of each run by output, rows first.
    """
    runs = list(shapes)
    outputs = [_seen(spec, [run[spec.name][1:] for run in runs]) for spec in signature.outputs]
    return replace(signature, outputs=tuple(outputs))


def _seen(spec: TensorSpec, shapes: Sequence[tuple[int, ...]]) -> TensorSpec:
    """Return `spec` with the row shape that all of `shapes` have; None for lengths that differ, or may."""
    if len({len(shape) for shape in shapes}) != 1:
        return spec
    axes = list(zip(*shapes, strict=True))
    declared, names = spec.row_shape, spec.axis_names
    if len(declared) != len(axes):
        declared, names = shapes[0], ()
    row_shape = tuple(
        want if want is None or set(lengths) == {want} else None
        for want, lengths in zip(declared, axes, strict=True)
    )
    return replace(spec, row_shape=row_shape, axis_names=names)


def element_of(argument: Argument, role: str) -> tuple[np.dtype[Any], str]:
    """Return dtype and datatype of a tensor; raises ModelRefused for what numpy cannot carry."""
    element = argument.type.removeprefix("tensor(").removesuffix(")")
    if element not in _ELEMENTS:
        raise ModelRefused(
            f"{role} {argument.name!r} has element type {element}, which numpy cannot carry",
            "cast it inside the model, for instance to float16 or float",
        )
    dtype, datatype = _ELEMENTS[element]
    return np.dtype(dtype), datatype


def length_of(axis: int | str | None) -> int | None:
    """Return the length of an axis as the file declares it; None: any."""
    return axis if isinstance(axis, int) and axis >= 0 else None


def _input(argument: Argument, settings: Settings) -> TensorSpec:
    if not is_tensor(argument):
        raise ModelRefused(
            f"input {argument.name!r} is a {argument.type}, not a tensor",
            "export the model with tensors only",
        )
    axis = _axis(argument, settings)
    if axis is not None and len(argument.shape) <= axis:
        raise _no_rows(argument, axis)
    return _spec(argument, "input", axis)


def _output(argument: Argument, settings: Settings, all_outputs: Sequence[Argument]) -> TensorSpec:
    if not is_tensor(argument):
        tensors = [f'"{each.name}"' for each in all_outputs if is_tensor(each)]
        without = f", or leave it out: outputs = [{', '.join(tensors)}]" if tensors else ""
        raise ModelRefused(
            f"output {argument.name!r} is a {argument.type}, not a tensor",
            f"export the model with tensors only (scikit-learn converters: options zipmap=False){without}",
        )
    return _spec(argument, "output", _axis(argument, settings))


def _axis(argument: Argument, settings: Settings) -> int | None:
    """Return the batch axis of a tensor; None: it goes in or out whole."""
    return None if settings.batch == "none" else settings.batch_axis.get(argument.name, 0)


def is_tensor(argument: Argument) -> bool:
    """Whether it is a tensor and no sequence, map or optional."""
    return argument.type.startswith("tensor(")


def _spec(argument: Argument, role: str, axis: int | None) -> TensorSpec:
    dtype, datatype = element_of(argument, role)
    axes = list(argument.shape)
    if axis is not None:
        del axes[axis : axis + 1]
    lengths = tuple(length_of(each) for each in axes)
    names = tuple(each if isinstance(each, str) else None for each in axes)
    return TensorSpec(argument.name, dtype, datatype, lengths, names, axis)


def _no_rows(argument: Argument, axis: int) -> ModelRefused:
    if argument.shape:
        return ModelRefused(
            f"input {argument.name!r} has {len(argument.shape)} axes, and batch_axis says that axis {axis}"
            " is that of rows",
            "axes are counted from 0",
        )
    return ModelRefused(
        f"input {argument.name!r} is a single number, or the file does not say its shape",
        f"where it is the same for all requests, set constants = {{ {toml_key(argument.name)} = ... }}; where"
        ' each has its own, batch = "none" runs each request alone; or declare its shape in the export',
    )


def _fixed_rows(inputs: Sequence[Argument], settings: Settings) -> int | None:
    firsts = {each.name: each.shape[_axis(each, settings) or 0] for each in inputs}
    lengths = {length_of(first) for first in firsts.values()}
    if len(lengths) > 1 or 0 in lengths:
        told = ", ".join(f"{name!r}: {first}" for name, first in firsts.items())
        raise ModelRefused(
            f"the inputs do not agree on a batch: their axes of rows are {told}",
            "name in constants what is the same for all requests, in batch_axis where rows are not on the"
            ' first axis; or batch = "none" runs each request alone',
        )
    return lengths.pop()


def toml_key(name: str) -> str:
    """Return `name` as a key of an inline table."""
    return name if _BARE_KEY.fullmatch(name) else f'"{name}"'


def _require_known(setting: str, names: Iterable[str], tensors: Sequence[Argument]) -> None:
    known = [each.name for each in tensors]
    for name in names:
        if name not in known:
            raise ModelRefused(
                f"{setting} names {name!r}, which the model does not have",
                f"it has {', '.join(known)}",
            )
