"""A user's own code before and after the model: what it looks like, and how it is loaded.

It is code of the operator, named in the settings and lying beside them; no request and no model
can bring any.
"""

import importlib.abc
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy.typing as npt

from runtime.errors import ModelRefused
from runtime.signature import Signature
from runtime.user_code import line_in


@dataclass(frozen=True)
class Prepared:
    """A request's inputs by name, and what its postprocess is to know: anything, as it is.

    `context` stays in this process, as long as the request is not answered.
    """

    inputs: Mapping[str, npt.NDArray[Any]]
    context: object = None


@dataclass(frozen=True)
class Done:
    """An answer that needs no model; `body` is the reply's, of media type `content_type`."""

    content_type: str
    body: bytes


class Rejected(Exception):
    """Raised by a transform: this request cannot be served.

    `code` is one of REJECTION_CODES and `detail` is for the one who sent the request.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


REJECTION_CODES = frozenset(
    {
        "invalid_request",
        "invalid_json",
        "invalid_shape",
        "invalid_value",
        "unsupported_media_type",
        "too_large",
    }
)
"""The error codes that say something about a request's body."""


class ModelFacts(NamedTuple):
    """What a transform may ask of its model, each by a parameter of its constructor of that name.

    `model` is where the .onnx file is; `metadata` what was written into it as custom metadata.
    """

    model: Path
    signature: Signature
    metadata: Mapping[str, str]


class Transform(Protocol):
    """What a user's class has.

    It is made once, with those of ModelFacts that its constructor has parameters for. Several
    threads call it at the same time. A class attribute `cheap = True` says that both methods take
    microseconds: they then run without a thread.
    """

    def preprocess(
        self, body: bytes, headers: Mapping[str, bytes]
    ) -> Mapping[str, npt.NDArray[Any]] | Prepared | Done:
        """Return one request's inputs by name, each with the same number of rows; or Done.

        Prepared has a context besides. Raises: Rejected.
        """

    def postprocess(self, outputs: Mapping[str, npt.NDArray[Any]]) -> tuple[str, bytes]:
        """Return the content type and body of the reply to the request that these rows are of.

        With a parameter `context` it is given what preprocess put there, with one `inputs` the
        arrays, both of the same request. Raises: Rejected.
        """


def load_transform(name: str, *, base: Path, facts: ModelFacts) -> Transform:
    """Return an instance of the class `name`, "file.py:Class"; the file counts from `base`.

    Raises:
        ModelRefused: no such file or class, it raises, or it lacks a method.
    """
    file_name, _, class_name = name.rpartition(":")
    if not file_name or not class_name.isidentifier():
        raise ModelRefused(f"transform {name!r} names no class", 'write it as "file.py:Class"')
    file = (base / file_name).resolve()
    made = getattr(_module(file), class_name, None)
    if not inspect.isclass(made):
        raise ModelRefused(f"{file} has no class {class_name}", "check the setting transform")
    transform: Transform = _instance(made, file, facts)
    for method in ("preprocess", "postprocess"):
        function = getattr(transform, method, None)
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise ModelRefused(
                f"{class_name} in {file} has no plain method {method}",
                "docs/transforms.md shows what a transform looks like",
            )
    return transform


def _instance(made: type[Any], file: Path, facts: ModelFacts) -> Any:  # noqa: ANN401 -- a user's class
    try:
        asked = inspect.signature(made).parameters
        given = {name: fact for name, fact in facts._asdict().items() if name in asked}
        return made(**given)
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        raise _refusal(file, error, f"making {made.__name__}") from error


class _OneReading(importlib.abc.SourceLoader):
    """Compiles bytes that were read once: no bytecode is written beside a user's file or trusted."""

    def __init__(self, file: Path, source: bytes) -> None:
        self._file = file
        self._source = source

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 -- the loader protocol's
        return str(self._file)

    def get_data(self, path: str) -> bytes:  # noqa: ARG002 -- the loader protocol's
        return self._source


def _module(file: Path) -> ModuleType:
    try:
        source = file.read_bytes()
    except OSError as error:
        raise ModelRefused(
            f"transform {file} cannot be read: {error.strerror}",
            "a relative path counts from the settings file",
        ) from error
    # A changed file is another module, so that a reload never mixes old and new classes.
    name = f"tidemill_transform_{sha256(str(file).encode() + source).hexdigest()[:12]}"
    loader = _OneReading(file, source)
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise ModelRefused(f"transform {file} cannot be imported", "name a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up there
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        del sys.modules[name]
        raise _refusal(file, error, "importing it") from error
    return module


def _refusal(file: Path, error: BaseException, doing: str) -> ModelRefused:
    line = line_in(str(file), error)
    place = "" if line is None else f", line {line}"
    return ModelRefused(
        f"transform {file}{place}: {doing} raised {type(error).__name__}: {error}", "mend the file"
    )
