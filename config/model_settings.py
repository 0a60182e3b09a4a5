"""The settings of a model: its file, how it runs, and what holds for its inputs and outputs."""

from typing import Literal, NamedTuple

from pydantic import Field

from config.forms import Axes, Axis, Constants, Digest, File, Step, Text, TransformWorkers
from config.section import Bytes, ListOf, Section, Wait
from config.transform_tables import Transform


class Cuda(Section):
    gpu_mem_limit: Bytes | None = Field(
        None,
        description="most GPU memory of the session's arena; its libraries take more beside it. none: all",
    )
    # The other one doubles the arena each time, and it never shrinks.
    arena_extend_strategy: Literal["kSameAsRequested", "kNextPowerOfTwo"] = Field(
        "kSameAsRequested", description="how that arena grows"
    )
    # EXHAUSTIVE, onnxruntime's default, measures every algorithm anew for each size it has not seen.
    cudnn_conv_algo_search: Literal["HEURISTIC", "EXHAUSTIVE", "DEFAULT"] = Field(
        "HEURISTIC", description="how convolutions choose their algorithm"
    )
    cudnn_conv_use_max_workspace: bool = Field(
        True, description="let convolutions take as much memory as their fastest algorithm wants"
    )
    cudnn_conv1d_pad_to_nc1d: bool = Field(
        False, description="pad convolutions over one axis to [n, c, 1, d] instead of [n, c, d, 1]"
    )
    prefer_nhwc: bool = Field(False, description="keep images as rows of pixels, channels last")
    use_tf32: bool = Field(
        True, description="multiply float32 with 10 bits of mantissa, on GPUs that can"
    )


class Pad(Section):
    axis: Axis = Field(
        description="the axis that is filled up, by its name in the model (`tidemill check` shows it), or by"
        " its number where it has none: 1 is the first after the rows. Other inputs that have it by"
        " that name are filled up as well"
    )
    step: Step = Field(
        16,
        description="lengths are filled up to the next multiple of this, and share batches by it; `auto`: what"
        " runs at the start say is best on this device (docs/models.md)",
    )
    value: float = Field(
        0, allow_inf_nan=False, description="what fills up; strings are filled up with empty ones"
    )
    longest: int | None = Field(
        None,
        ge=2,
        description="the most that the model takes: longer ones are invalid_shape, and none is filled up beyond"
        " it",
    )


class Input(Section):
    minimum: float | None = Field(
        None,
        allow_inf_nan=False,
        description="values below are invalid_value, whatever the model's minimum is",
    )
    maximum: float | None = Field(
        None,
        allow_inf_nan=False,
        description="values above are invalid_value, whatever the model's maximum is",
    )
    pad: Pad | None = Field(
        None,
        description="Rows of unlike lengths share batches: each is filled up along one axis, and what comes of"
        " it is cut back (docs/models.md).",
    )


class Range(NamedTuple):
    """The least and the most that a value may be; None where there is no such bound."""

    minimum: float | None = None
    maximum: float | None = None


class Model(Section):
    path: File = Field(description="the .onnx file")
    sha256: Digest = Field("", description="refused when the file's digest differs; empty: any")
    device: Literal["cuda", "cpu", "auto"] = Field(
        "auto", description="cuda: refuse to run without; auto: run on the CPU and say degraded"
    )
    transform: Transform = Field(
        "",
        description='a user\'s class, "file.py:Class", or a table (below) for one that is ready-made;'
        " empty: tensors come and go as they are",
    )
    transform_limit: Wait = Field(
        30.0,
        description="longest call of the transform; its request is then answered with transform_failed",
    )
    batch: Literal["rows", "none"] = Field(
        "rows",
        description="none: a request is a run of its own, its inputs and outputs whole; for models without an"
        " axis of rows (docs/models.md)",
    )
    batch_axis: Axes = Field(
        default_factory=dict,
        description="which axis of the model's tensors is that of rows, by name, where it is not the first:"
        " `{ state = 1 }`; clients send and get rows first",
    )
    constants: Constants = Field(
        default_factory=dict,
        description="inputs that are the same in each run and that clients do not send: `{ sr = 16000 }`",
    )
    outputs: ListOf[Text] = Field(
        (), description="outputs that are computed and sent, in this order; empty: all"
    )
    transform_workers: TransformWorkers = Field(
        "threads",
        description='what runs the transform: "threads", or "process:N": N processes of its own, killed and'
        " replaced when a call takes too long (docs/transforms.md)",
    )
    allow_neighbours: bool = Field(
        False,
        description="let rows share runs though they change each other's answers, as in a dynamically"
        " quantised model; else such a model runs one row at a time",
    )
    batch_tolerance: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="how far an answer beside others, or of padded rows, may be from the one alone, as a share"
        " of an output's largest value (at least 1); none: 0.001, 0.01 in 16 bits and in TF32; other"
        " outputs must be equal",
    )
    finite: bool = Field(True, description="NaN and infinity in inputs are invalid_value")
    finite_outputs: bool = Field(True, description="NaN and infinity in outputs are invalid_output")
    threads: int = Field(1, ge=1, description="threads of one run on the CPU")
    run_limit: Wait = Field(30.0, description="longest run of one batch before it is ended")
    minimum: float | None = Field(
        None, allow_inf_nan=False, description="inputs below are invalid_value"
    )
    maximum: float | None = Field(
        None, allow_inf_nan=False, description="inputs above are invalid_value"
    )
    sample_axis: int = Field(
        8, ge=1, description="length of a row's free axes in the sample that warms the model"
    )
    io_binding: bool = Field(
        False,
        description="keep inputs and outputs in buffers of the device that are used again; for GPUs",
    )
    cuda: Cuda = Field(
        default_factory=Cuda,
        description="What ONNX Runtime's CUDA provider is told of this model, under its own names.",
    )

    inputs: dict[Text, Input] = Field(
        default_factory=dict,
        description="What holds for one input of the model, by its name there.",
    )

    @property
    def transform_processes(self) -> int:
        """How many processes run its transform; 0: threads do."""
        return int(self.transform_workers.removeprefix("threads").removeprefix("process:") or 0)

    def range_of(self, tensor: str) -> Range:
        """Return what values of an input may be: each bound its own, or else the model's."""
        own = self.inputs.get(tensor, Input())
        return Range(
            self.minimum if own.minimum is None else own.minimum,
            self.maximum if own.maximum is None else own.maximum,
        )
