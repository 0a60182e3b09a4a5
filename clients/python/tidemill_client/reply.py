"""A reply, as it came. Pure."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from tidemill_client import arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

_TENSORS_AFTER_JSON = "inference-header-content-length"


class Record(Protocol):
    """What is read from the reply topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Stages(NamedTuple):
    """Where a request's time went, in microseconds."""

    broker_us: int
    """From its timestamp to its arrival at the worker,"""
    wait_us: int
    """from there to the start of its run,"""
    run_us: int
    """and the run."""


class Reply(msgspec.Struct, frozen=True):
    """The answer to one request. Headers that are absent read as None."""

    body: bytes
    headers: tuple[tuple[str, bytes | None], ...]
    key: bytes | None = None

    def header(self, name: str) -> bytes | None:
        """Return the first header of that name."""
        for known, value in self.headers:
            if known == name:
                return value
        return None

    def json(self, *, type: Any = Any) -> Any:  # noqa: A002, ANN401 - as msgspec has it
        """Return the body decoded from JSON, as `type` where one is given; raises msgspec.MsgspecError."""
        return msgspec.json.decode(self.body, type=type)

    def array(self, dtype: "DTypeLike | None" = None) -> "np.ndarray[Any, Any]":
        """Return the body as an array: an .npy file as it says itself, raw rows as `dtype` says.

        Raw rows come flat. Raises ValueError for what is neither, ImportError without numpy.
        """
        if self.header(_TENSORS_AFTER_JSON) is not None:
            raise ValueError("the body is JSON and tensors behind it, no single array")
        return arrays.decoded(self.body, self.content_type, dtype)

    @property
    def content_type(self) -> str | None:
        """The form of the body."""
        return self._text("content-type")

    @property
    def request_id(self) -> str | None:
        """topic/partition/offset of the request, the same on every repeat of its reply."""
        return self._text("request-id")

    @property
    def served_by(self) -> str | None:
        """The model's name, `@`, and the first 12 hexadecimal digits of its file's SHA-256."""
        return self._text("served-by")

    @property
    def batch_rows(self) -> int | None:
        """How many rows ran together."""
        said = self._text("batch-rows")
        return int(said) if said is not None and said.isdecimal() else None

    @property
    def stages(self) -> Stages | None:
        """Where the time went."""
        said = self._text("stages")
        if said is None:
            return None
        parts = dict(part.partition("=")[::2] for part in said.split(";"))
        try:
            return Stages(int(parts["broker"]), int(parts["wait"]), int(parts["run"]))
        except (KeyError, ValueError):
            return None

    @property
    def traceparent(self) -> str | None:
        """The daemon's span, a child of the one that the request named."""
        return self._text("traceparent")

    def _text(self, name: str) -> str | None:
        value = self.header(name)
        return None if value is None else value.decode("utf-8", "replace")
