"""A model: arrays in, arrays out. Knows ONNX Runtime, knows nothing of Kafka."""

from runtime import privacy as privacy  # first: before anything imports ONNX Runtime
from runtime.conversion import Conversion, PreparedRows
from runtime.errors import (
    ModelFailed,
    ModelOutOfMemory,
    ModelRefused,
    ModelStuck,
    ModelTimeout,
    OutputInvalid,
    RunError,
    TransformFailed,
    TransformGone,
    TransformLate,
)
from runtime.model import Model, load_model
from runtime.session import Session
from runtime.signature import Signature, TensorSpec
from runtime.transform import REJECTION_CODES, Done, ModelFacts, Prepared, Rejected, Transform

__all__ = [
    "REJECTION_CODES",
    "Conversion",
    "Done",
    "Model",
    "ModelFacts",
    "ModelFailed",
    "ModelOutOfMemory",
    "ModelRefused",
    "ModelStuck",
    "ModelTimeout",
    "OutputInvalid",
    "Prepared",
    "PreparedRows",
    "Rejected",
    "RunError",
    "Session",
    "Signature",
    "TensorSpec",
    "Transform",
    "TransformFailed",
    "TransformGone",
    "TransformLate",
    "load_model",
]
