"""What stands between this machine and a CUDA session, found out before one is asked for.

onnxruntime answers a missing library with a line in its log and a session on the CPU, so each is
loaded here first. Which ones: the NEEDED entries of libonnxruntime_providers_cuda.so in the wheel
1.31.1 (a CUDA 13 build), and cuDNN. That one is opened only when a node needs it (onnxruntime pull
request 29252), but then its absence fails the run, or leaves the node to the CPU.
"""

import contextlib
import ctypes
import io

import onnxruntime

from runtime.errors import ModelRefused

PROVIDER = "CUDAExecutionProvider"

LIBRARIES = (
    "libcudart.so.13",
    "libcublasLt.so.13",
    "libcublas.so.13",
    "libcurand.so.10",
    "libcudnn.so.9",
)
DRIVER = "libcuda.so.1"

_CUDA_VERSION = 13_000  # as cuDriverGetVersion counts: 1000 x major + 10 x minor

_OR_CPU = 'or set device = "cpu" (or "auto": the CPU, shown as degraded)'
_WHEELS = f"install the extra gpu (in a checkout: pip install '.[gpu]'), {_OR_CPU}"
_HOST = f"install the NVIDIA driver (580 or newer) and let the container see the GPU, {_OR_CPU}"


def obstacle() -> ModelRefused | None:
    """Return why there can be no CUDA session here, naming the first thing missing; None: none.

    Loads the CUDA libraries into the process: those of the wheels first, then the system's.
    """
    if PROVIDER not in onnxruntime.get_available_providers():
        return ModelRefused(
            "this build of onnxruntime has no CUDA; only Linux on x86_64 has one", _OR_CPU
        )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
        onnxruntime.preload_dlls(directory="")
    for library in LIBRARIES:
        if not _loads(library):
            return ModelRefused(f"CUDA is asked for but {library} cannot be loaded", _WHEELS)
    if not _loads(DRIVER):
        return ModelRefused(f"CUDA is asked for but {DRIVER} (the driver) cannot be loaded", _HOST)
    return _driver_obstacle(ctypes.CDLL(DRIVER))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _driver_obstacle(driver: ctypes.CDLL) -> ModelRefused | None:
    """Ask the driver itself. Source: the CUDA driver API, cuInit and cuDeviceGetCount."""
    error = driver.cuInit(0)
    if error:
        return ModelRefused(f"the NVIDIA driver cannot start (cuInit gives {error})", _HOST)
    version, devices = ctypes.c_int(), ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    if version.value < _CUDA_VERSION:
        return ModelRefused(
            f"the NVIDIA driver speaks CUDA {version.value // 1000}, this build needs CUDA 13",
            _HOST,
        )
    driver.cuDeviceGetCount(ctypes.byref(devices))
    if devices.value == 0:
        return ModelRefused("CUDA is asked for but no NVIDIA GPU is visible", _HOST)
    return None
