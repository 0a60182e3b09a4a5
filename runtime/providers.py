"""Opens an onnxruntime session on the device that was asked for, or not at all.

onnxruntime's own way is to fall back: when CUDA cannot be had, when creation fails, and when a run
fails on the GPU. Each of those would turn a GPU worker into a CPU worker unnoticed, so each is
barred or found out here.
"""

import contextlib
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import onnxruntime

from config.settings import Cuda
from runtime import cuda
from runtime.digest import ModelFile
from runtime.errors import ModelRefused
from runtime.onnxruntime_errors import is_out_of_memory

Device: TypeAlias = Literal["cuda", "cpu", "auto"]

CPU = "CPUExecutionProvider"
CUDA = cuda.PROVIDER

_FILE_REMEDY = "check it with onnx.checker, or export it again"
# What StringNormalizer says, and with it text models of scikit-learn: the file is fine.
_NO_LOCALE = "Failed to construct locale"
_LOCALE_REMEDY = (
    "install the locale it names on this machine or in the image, or export the model with"
    ' locale="C" on its StringNormalizer (skl2onnx: the option locale of TfidfVectorizer)'
)

# The log severity that writes nothing: onnxruntime's errors are raised, and its lines on standard
# error are no JSON and may quote values of a request.
_FATAL = 4


@dataclass(frozen=True)
class Placement:
    """Where a session runs. `nodes` counts the model's nodes by provider.

    `degraded_because` is set when device = "auto" had to be content with the CPU.
    """

    provider: str
    nodes: Mapping[str, int]
    degraded_because: str | None = None


def open_session(
    file: ModelFile, *, device: Device, threads: int, options: Cuda
) -> tuple[onnxruntime.InferenceSession, Placement]:
    """Return an InferenceSession and where it runs; `options` are those of the CUDA provider.

    Raises:
        ModelRefused: onnxruntime cannot load the model, or "cuda" cannot be had.
    """
    if device == "cpu":
        session = _open(file, [CPU], threads)
        return session, Placement(CPU, _nodes(session))
    obstacle = cuda.obstacle()
    if obstacle is None:
        session = _open(file, [(CUDA, _as_text(options)), CPU], threads)
        nodes = _nodes(session)
        if session.get_providers()[0] == CUDA and nodes.get(CUDA):
            return session, Placement(CUDA, nodes)
        obstacle = ModelRefused(
            "onnxruntime placed no node of the model on the GPU",
            'set device = "cpu", or export the model with operators that CUDA has',
        )
        del session
    if device == "cuda":
        raise obstacle
    session = _open(file, [CPU], threads)
    return session, Placement(CPU, _nodes(session), obstacle.reason)


def _open(file: ModelFile, providers: list[Any], threads: int) -> onnxruntime.InferenceSession:
    onnxruntime.set_default_logger_severity(_FATAL)
    options = _options(threads)
    if file.external:
        names, parts = list(file.external), list(file.external.values())
        options.add_external_initializers_from_files_in_memory(names, parts, [*map(len, parts)])
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # its fall-back announces itself there
            session = onnxruntime.InferenceSession(
                file.data, options, providers, enable_fallback=0, read_config_from_model=0
            )
    except Exception as error:  # onnxruntime's exceptions have no common base
        raise ModelRefused(
            f"onnxruntime cannot load the model: {error}",
            _LOCALE_REMEDY if _NO_LOCALE in str(error) else _FILE_REMEDY,
            lacks_memory=is_out_of_memory(error),
        ) from error
    # It keeps the file for a fall-back that is barred: as much memory again as the weights.
    session._model_bytes = None  # noqa: SLF001 -- there is no public way
    return session


def _as_text(options: Cuda) -> dict[str, str]:
    """Return the options as the provider reads them: 1 for true, bytes, words."""
    given = options.model_dump(exclude_none=True)
    return {
        name: str(int(value) if isinstance(value, bool | int | float) else value)
        for name, value in given.items()
    }


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Explicit: the default is a pinned thread for each of the host's cores, whatever the container
    # is allowed.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # One pattern would be kept for each input shape ever seen.
    options.enable_mem_pattern = False
    for key, value in {
        # Spinning burns 109 % of a core at 50 runs a second, 14 % without (2 threads).
        "session.intra_op.allow_spinning": "0",
        "session.inter_op.allow_spinning": "0",
        "session.load_model_format": "ONNX",
        "session.record_ep_graph_assignment_info": "1",
    }.items():
        options.add_session_config_entry(key, value)
    return options


def _nodes(session: onnxruntime.InferenceSession) -> Counter[str]:
    nodes: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        nodes[part.ep_name] += len(part.get_nodes())
    return nodes
