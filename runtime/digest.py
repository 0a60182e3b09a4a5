"""A model file read once: what is hashed is what is loaded.

Loading by path would read the file a second time, after its digest was checked. A file swapped in
between, or an external file that the digest does not cover, would go unseen.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import ModelRefused
from runtime.external_data import external_files


@dataclass(frozen=True)
class ModelFile:
    """An .onnx file's bytes and, by name, those of the files that hold its external weights.

    `digest` (hex) is the .onnx file's SHA-256. With external files it is that of the lines which
    `sha256sum model.onnx model.onnx.data` prints in the model's folder: the .onnx first, the others
    by name.
    """

    data: bytes
    external: Mapping[str, bytes]
    digest: str


def read_model(path: Path, *, sha256: str = "") -> ModelFile:
    """Return the model at `path`; raises ModelRefused when its digest is not `sha256` (hex)."""
    data = _read(path)
    try:
        names = sorted(external_files(data))
    except ValueError as error:
        raise ModelRefused(f"{path} cannot be read: {error}", "export it again as .onnx") from error
    external = {name: _read(_beside(path, name)) for name in names}
    digest = _digest(path.name, data, external)
    if sha256 and sha256.lower() != digest:
        raise ModelRefused(
            f"{path} has SHA-256 {digest}, the settings say {sha256.lower()}",
            "put the right file there, or that digest into the setting sha256",
        )
    return ModelFile(data, external, digest)


def _digest(name: str, data: bytes, external: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(data).hexdigest()
    if not external:
        return digest
    lines = [f"{digest}  {name}\n"]
    lines += [f"{hashlib.sha256(part).hexdigest()}  {file}\n" for file, part in external.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _beside(path: Path, name: str) -> Path:
    """Return the external file `name` of the model at `path`; refuse what leads out of its folder.

    The name is the model's word, not the operator's. Links are followed, because model caches and
    mounted volumes are made of them, but only to where the model itself really lies. Hard links
    are not refused: installers make them of every file, and none can be told from a copy here.
    """
    file = path.parent / name
    homes = {path.parent.resolve(), path.resolve().parent}
    if homes.isdisjoint(file.resolve().parents):
        raise ModelRefused(
            f"{path} keeps weights in {name!r}, which is not in its folder",
            "put the .onnx and its weights into one folder, or save the model as one file",
        )
    return file


def _read(path: Path) -> bytes:
    """Return a regular file's bytes; a pipe or a device must not be waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ModelRefused(f"{path} cannot be opened: {error.strerror}", _REMEDY) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ModelRefused(f"{path} is not a regular file", _REMEDY)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


_REMEDY = "check the model's path; a relative one counts from the settings file"
