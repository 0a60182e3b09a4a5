"""A model: arrays in, arrays out. Knows ONNX Runtime, knows nothing of Kafka.

- `agreement.py`: how far two answers to the same rows are apart, and how far they may be
- `axes.py`: between rows first, as all else knows arrays, and the axes that a model's own tensors
  have
- `bfloat16.py`: bfloat16, which numpy does not have: the upper 16 bits of a float32, carried as
  uint16
- `bfloat16_runs.py`: runs with bfloat16 in them, for which onnxruntime takes no numpy array
- `binding.py`: runs whose inputs and outputs lie in buffers of the device that are used again
- `constants.py`: inputs that are the same in each run: made once, of what the settings say
- `conversion.py`: calls a user's transform and trusts nothing that comes back
- `cuda.py`: what stands between this machine and a CUDA session, found out before one is asked for
- `declared.py`: the signature that a model's file declares, for what the settings say of its
  tensors
- `digest.py`: a model file read once: what is hashed is what is loaded
- `errors.py`: why a model was refused, and how a run can end without an answer
- `external_data.py`: which other files an .onnx file keeps its weights in
- `filling.py`: rows that fill a run up to a number that its model wants, and that nobody asked for
- `length_times.py`: what runs of several lengths take on this device, for who chooses a step of
  padding by it
- `model.py`: a model as it serves: its session and, when it has one, its transform
- `neighbours.py`: whether rows change each other's answers: found out before anybody's request is
  beside another's
- `onnxruntime_errors.py`: what onnxruntime's errors say: whether memory lacked, and in plain words
- `operators.py`: which operators of an .onnx file scale by all that is in a run
- `outputs.py`: what is wrong with a model's outputs, row by row
- `padded_axes.py`: which axes of a model's inputs are padded, by what its settings say of them
- `padding.py`: rows of different lengths in one run: filled up to one length before it, cut back
  after it
- `padding_proof.py`: shown on rows that are made up: a model gives the same for rows that are
  padded as for them alone
- `padding_step.py`: which step rows are padded to, by what runs of several lengths take on this
  device
- `privacy.py`: keeps the engine from reporting to its makers
- `protobuf.py`: an .onnx file's messages, walked field by field: the onnx package is not needed at
  run time
- `providers.py`: opens an onnxruntime session on the device that was asked for, or not at all
- `run_limit.py`: ends runs that take too long, from one thread for all runs of a session
- `sample.py`: an input made up for warming a model and for telling a sick session from a bad
  request
- `session.py`: runs a model, within a time limit, on the thread that calls
- `signature.py`: what a model takes and gives, and where its axis of rows is
- `transform.py`: a user's own code before and after the model: what it looks like, and how it is
  loaded
- `trial.py`: the first runs of a model, which show that rows go in and out of it as its signature
  says
- `user_code.py`: where in a user's own file something went wrong: lines, and never values
"""

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
