"""What every form of a body has in common."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from daemon.values.messages import Array, Arrays, Envelope, Header
from runtime.signature import Signature, TensorSpec


class Decoded(NamedTuple):
    """A body that passed: inputs by name, first axis = `rows`, dtypes and shapes the model's."""

    arrays: Arrays
    rows: int
    envelope: Envelope | None = None


class Encoded(NamedTuple):
    """A result's body and the headers that say what it is."""

    body: bytes
    headers: Sequence[Header]


class Bounds(NamedTuple):
    """What a decoder must not go beyond; `padded_bytes`: of an input whose rows are filled up to the longest."""

    rows: int
    json_depth: int
    padded_bytes: int


def wanted_outputs(
    outputs: Mapping[str, Array], signature: Signature, envelope: Envelope | None
) -> list[tuple[TensorSpec, Array]]:
    """Return the outputs a request asks for, in its order; all, in the model's, when it does not."""
    specs = {spec.name: spec for spec in signature.outputs}
    names = specs if envelope is None or envelope.outputs is None else envelope.outputs
    return [(specs[name], outputs[name]) for name in names]
