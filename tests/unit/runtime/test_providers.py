import platform
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import onnxruntime
import pytest

from config.settings import Cuda
from runtime import ModelRefused, cuda
from tests import models


class Driver:
    """Stands for libcuda; `version` as cuDriverGetVersion counts."""

    def __init__(self, *, error=0, version=13_000, devices=1):
        self._error = error
        self._version = version
        self._devices = devices

    def cuInit(self, flags):  # noqa: N802 -- the driver's own name
        return self._error

    def cuDriverGetVersion(self, version):  # noqa: N802 -- the driver's own name
        version._obj.value = self._version

    def cuDeviceGetCount(self, count):  # noqa: N802 -- the driver's own name
        count._obj.value = self._devices


def _preload(directory):
    print("Failed to load")  # noqa: T201 -- as onnxruntime's does


@pytest.fixture
def machine(monkeypatch):
    """Return a function that makes a machine with all CUDA libraries but the missing ones."""

    def machine(*missing, **driver):
        def load(name):
            if name in missing:
                raise OSError(name)
            return Driver(**driver)

        monkeypatch.setattr(cuda.ctypes, "CDLL", load)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [cuda.PROVIDER])
        monkeypatch.setattr(onnxruntime, "preload_dlls", _preload)

    return machine


@pytest.fixture
def without_cuda(machine):
    machine("libcudart.so.13")


@pytest.mark.parametrize("library", cuda.LIBRARIES)
def test_a_missing_library_is_named_with_the_extra_that_has_it(machine, library):
    machine(library)

    obstacle = cuda.obstacle()

    assert library in obstacle.reason
    assert "pip install '.[gpu]'" in obstacle.remedy


@pytest.mark.parametrize(
    ("missing", "driver", "reason"),
    [
        ([cuda.DRIVER], {}, r"libcuda\.so\.1 \(the driver\)"),
        ([], {"error": 100}, "cuInit gives 100"),
        ([], {"version": 12_040}, "speaks CUDA 12, this build needs CUDA 13"),
        ([], {"devices": 0}, "no NVIDIA GPU is visible"),
    ],
)
def test_a_driver_that_will_not_do_is_named(machine, missing, driver, reason):
    machine(*missing, **driver)

    obstacle = cuda.obstacle()

    assert re.search(reason, obstacle.reason)
    assert "driver" in obstacle.remedy


def test_nothing_stands_in_the_way_where_all_is_there(machine):
    machine()

    assert cuda.obstacle() is None


def test_a_build_without_cuda_says_so(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])

    assert "has no CUDA" in cuda.obstacle().reason


def test_the_libraries_are_those_that_the_wheel_needs():
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("only the Linux x86_64 wheel has a CUDA provider")
    folder = Path(onnxruntime.__file__).parent / "capi"
    provider = (folder / "libonnxruntime_providers_cuda.so").read_bytes()
    named = set(re.findall(rb"\0(lib(?:cu\w+|nv\w+)\.so\.\d+)(?=\0)", provider))

    opened_when_used = {b"libnvrtc.so.12", b"libnvrtc.so.13", b"libcudart.so.12"}
    needed = {name.encode() for name in (*cuda.LIBRARIES, cuda.DRIVER)} - {b"libcudnn.so.9"}
    assert named - opened_when_used == needed


def test_cuda_is_refused_where_it_cannot_be_had(load, without_cuda):
    with pytest.raises(ModelRefused, match=r"libcudart\.so\.13"):
        load(models.mlp(), device="cuda")


def test_auto_runs_degraded_on_the_cpu_and_says_why(load, without_cuda):
    session = load(models.mlp(), device="auto").session

    assert (session.provider, session.degraded) == ("CPUExecutionProvider", True)
    assert "libcudart.so.13" in session.degraded_because


def test_cpu_is_not_degraded_and_does_not_look_for_cuda(load, monkeypatch):
    monkeypatch.setattr(cuda, "obstacle", pytest.fail)

    session = load(models.mlp(), device="cpu").session

    assert (session.provider, session.degraded) == ("CPUExecutionProvider", False)
    assert session.on_cpu


def test_nodes_are_counted_by_provider(load):
    assert load(models.mlp()).session.nodes == {"CPUExecutionProvider": 3}


@pytest.fixture
def silent_fallback(monkeypatch):
    """Let onnxruntime itself meet the missing libraries: it gives a session on the CPU."""
    if cuda.obstacle() is None:
        pytest.skip("this machine has CUDA; tests/gpu covers it")
    monkeypatch.setattr(cuda, "obstacle", lambda: None)


def test_a_session_that_fell_back_unasked_is_refused(load, silent_fallback):
    with pytest.raises(ModelRefused, match="no node of the model on the GPU"):
        load(models.mlp(), device="cuda")


def test_a_session_that_fell_back_is_degraded_under_auto(load, silent_fallback):
    assert load(models.mlp(), device="auto").session.degraded


@pytest.fixture
def told(monkeypatch):
    """What the CUDA provider is told, where there is none: the session is one on the CPU."""
    told = {}
    session = onnxruntime.InferenceSession

    def spy(data, options, providers, **fallbacks):
        told.update({each[0]: each[1] for each in providers if isinstance(each, tuple)})
        return session(data, options, ["CPUExecutionProvider"], **fallbacks)

    monkeypatch.setattr(cuda, "obstacle", lambda: None)
    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    return told


def test_the_options_of_the_settings_reach_the_cuda_provider(load, told):
    load(
        models.mlp(),
        device="auto",
        cuda={"gpu_mem_limit": "2GiB", "prefer_nhwc": True, "use_tf32": False},
    )

    assert told[cuda.PROVIDER] == {
        "gpu_mem_limit": "2147483648",
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "cudnn_conv_use_max_workspace": "1",
        "cudnn_conv1d_pad_to_nc1d": "0",
        "prefer_nhwc": "1",
        "use_tf32": "0",
    }


def test_there_is_no_memory_limit_unless_it_is_set(load, told):
    load(models.mlp(), device="auto")

    assert "gpu_mem_limit" not in told[cuda.PROVIDER]


def test_the_cuda_provider_of_the_wheel_knows_all_options():
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("only the Linux x86_64 wheel has a CUDA provider")
    folder = Path(onnxruntime.__file__).parent / "capi"
    provider = (folder / "libonnxruntime_providers_cuda.so").read_bytes()

    for option in (*Cuda.model_fields, "kSameAsRequested", "kNextPowerOfTwo", "HEURISTIC"):
        assert b"\0" + option.encode() + b"\0" in provider, option


def test_looking_for_cuda_prints_nothing(load, without_cuda, capfd):
    with pytest.raises(ModelRefused):
        load(models.mlp(), device="cuda")

    assert capfd.readouterr() == ("", "")


def test_a_session_that_fell_back_prints_nothing(load, silent_fallback, capfd):
    with pytest.raises(ModelRefused):
        load(models.mlp(), device="cuda")

    assert capfd.readouterr() == ("", "")


def test_onnxruntimes_own_fallback_is_off(load):
    assert not load(models.mlp()).session._session._enable_fallback


def test_a_file_that_is_no_model_is_refused(load, tmp_path):
    path = tmp_path / "other.onnx"
    path.write_bytes(b"no model")

    with pytest.raises(ModelRefused, match="cannot load the model") as refused:
        load(models.mlp(), path=str(path))

    assert not refused.value.lacks_memory


def test_a_model_that_finds_no_memory_is_told_from_one_that_is_broken(load, monkeypatch):
    def without_memory(*_args, **_options):
        raise RuntimeError("bfc_arena.cc: Failed to allocate memory for requested buffer of size 9")

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_memory)
    with pytest.raises(ModelRefused) as refused:
        load(models.mlp())

    assert refused.value.lacks_memory


def test_one_distribution_alone_provides_onnxruntime():
    assert len(set(packages_distributions()["onnxruntime"])) == 1
