"""Which model files the workers serve, as one fingerprint, where they can be read.

Only the .onnx files are read: what a run takes is decided by the graph, not by weights beside it.
"""

import hashlib
from pathlib import Path

from config.settings import Settings
from daemon.scaling.remembered import fingerprint


def files_of(settings: Settings, base: Path) -> str:
    """Return the fingerprint of all models' files, empty when one cannot be read; may take seconds."""
    digests = []
    for _, model in sorted(settings.models.items()):
        path = base / model.path
        try:
            if not path.is_file():  # a pipe would be waited for
                return ""
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").digest())
        except OSError:
            return ""
    return fingerprint(b"".join(digests))
