"""Copies the file-type model out of the PyPI package `magika` (Apache-2.0) into model/.

Run it in an environment that has the package: `pip install magika`, or Tidemill's extra `load`.
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

FILES = (
    "models/standard_v3_3/model.onnx",
    "models/standard_v3_3/config.min.json",
    "config/content_types_kb.min.json",
)
TARGET = Path(__file__).parent / "model"


def main() -> None:
    """Copy the model, its settings and its table of content types."""
    spec = find_spec("magika")
    if spec is None or spec.origin is None:
        sys.exit("The package magika is not installed: pip install magika")
    package = Path(spec.origin).parent
    TARGET.mkdir(exist_ok=True)
    for name in FILES:
        shutil.copyfile(package / name, TARGET / Path(name).name)
    print(f"The model is in {TARGET}")


if __name__ == "__main__":
    main()
