"""What onnxruntime's errors say, which have types for next to nothing: whether memory lacked, and in plain words."""

import re

_SAYS_SO = (
    # onnxruntime/core/framework/bfc_arena.cc: the arena of the CPU and of CUDA.
    "Failed to allocate memory for requested buffer",
    "is smaller than requested bytes of",
    "Failed to find a free memory block",
    # onnxruntime/core/providers/cuda/cuda_call.cc, with CUDA's, cuBLAS's and cuDNN's own words.
    "CUDA failure 2: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "ALLOCATION_FAILED",
    # What an operator's own containers throw.
    "std::bad_alloc",
)
# What says where in onnxruntime's sources or in the model it happened, not what.
_PLACE = re.compile(
    r"^.*?\[ONNXRuntimeError\] : \d+ : \w+ : |\S+\.(?:cc|cu|cuh|h):\d+ \S+|Name:'[^']*'|\S*/\S*"
)
_DETAIL_LENGTH = 300
"""Characters; a guess: three lines of a terminal."""


def is_out_of_memory(error: Exception) -> bool:
    """Return whether `error` was raised for want of memory of the host or of the GPU."""
    if isinstance(error, MemoryError):
        return True
    text = str(error)
    return any(words in text for words in _SAYS_SO)


def plain(error: Exception) -> str:
    """Return onnxruntime's message without its prefix, source places and node names."""
    message = str(error).rpartition("Status Message: ")[2]
    return _PLACE.sub("", message).strip()[:_DETAIL_LENGTH] or type(error).__name__
