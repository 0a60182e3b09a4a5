"""Which errors of a run say that there was no memory: onnxruntime has no type of its own for it."""

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


def is_out_of_memory(error: Exception) -> bool:
    """Return whether `error` was raised for want of memory of the host or of the GPU."""
    if isinstance(error, MemoryError):
        return True
    text = str(error)
    return any(words in text for words in _SAYS_SO)
