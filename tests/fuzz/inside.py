"""The process of one target: atheris watches which branches of the decoders an input takes."""

import sys


def run() -> None:
    """Fuzz the target named first, with libFuzzer's own options after it; does not return."""
    try:
        import atheris  # noqa: PLC0415 - there is no wheel for every platform
    except ImportError:
        sys.exit("atheris is not installed; it has wheels for Linux on x86-64, Python 3.11 to 3.13")
    with atheris.instrument_imports(include=["daemon"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented while it is imported
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    atheris.Setup([name, *options], lambda data: target(bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    run()
