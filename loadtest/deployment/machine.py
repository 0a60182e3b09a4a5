"""The machine and the versions that figures belong to."""

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psutil

from loadtest.kafka.jars import KAFKA

_PACKAGES = ("tidemill", "aiokafka", "numpy", "uvloop")
# The one of the two that is installed.
_ENGINES = ("onnxruntime-gpu", "onnxruntime")


def describe() -> dict[str, str]:
    """Return what is known of this machine, by what it is."""
    return {
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "kafka": KAFKA,
        **{name: metadata.version(name) for name in _PACKAGES},
        **_engine(),
    }


def load() -> float:
    """Return how many processes wanted a core in the last minute, on average."""
    last_minute: float = psutil.getloadavg()[0]
    return last_minute


def in_a_line(described: Mapping[str, str]) -> str:
    """Return a description for people."""
    return " · ".join(f"{name} {value}" for name, value in described.items())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _engine() -> dict[str, str]:
    for name in _ENGINES:
        try:
            return {name: metadata.version(name)}
        except metadata.PackageNotFoundError:
            continue
    return {}
