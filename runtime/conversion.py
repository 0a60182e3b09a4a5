"""Calls a user's transform and trusts nothing that comes back."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from runtime.errors import TransformFailed
from runtime.signature import Signature, TensorSpec
from runtime.transform import REJECTION_CODES, Done, Prepared, Rejected, Transform
from runtime.user_code import beginning_of, place_of

_Arguments = ParamSpec("_Arguments")
_Returned = TypeVar("_Returned")

INPUTS = "inputs"
_CONTEXT = "context"
_ASKED = frozenset({INPUTS, _CONTEXT})
"""The parameters by which postprocess asks for what preprocess made."""
_UNUSABLE = "unusable result"
_COLLECTING = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


class Kept(NamedTuple):
    """What a transform keeps of a request, for itself: after a reload another one is in its place."""

    by: "Conversion"
    context: object


class PreparedRows(NamedTuple):
    """One request's inputs by name, as the model takes them; first axis = `rows`.

    `kept` is None where postprocess asks for nothing but outputs.
    """

    inputs: Mapping[str, npt.NDArray[Any]]
    rows: int
    kept: Kept | None = None


class Conversion:
    """A transform that keeps its word or fails for its one request alone.

    `cheap` says whether it may run on the event loop, `asks_for` what postprocess wants besides
    outputs, `ends_late_calls` whether a call that takes too long raises TransformLate. Both methods
    may be called from several threads.
    """

    ends_late_calls = False

    def __init__(self, transform: Transform, signature: Signature) -> None:
        self._transform = transform
        self._inputs = signature.inputs
        self.asks_for = _asked(transform.postprocess)
        self._outputs = signature.outputs
        self.cheap = bool(getattr(transform, "cheap", False))

    @property
    def pids(self) -> Sequence[int]:
        """The processes in which it runs, if not in this one."""
        return ()

    def preprocess(self, body: bytes, headers: Mapping[str, bytes]) -> PreparedRows | Done:
        """Return a request's checked inputs, or its finished answer.

        Raises:
            Rejected: the transform refuses the request.
            TransformFailed: it raised anything else, or returned what the model does not take.
        """
        method = self._transform.preprocess
        return _checked(method, self._prepared, _call(method, body, headers))

    def postprocess(
        self,
        outputs: Mapping[str, npt.NDArray[Any]],
        *,
        inputs: Mapping[str, npt.NDArray[Any]],
        context: object = None,
    ) -> tuple[str, bytes]:
        """Return the content type and body of a reply; all of it are the rows of one request.

        `inputs` and `context` are what this very transform made of it before.

        Raises:
            Rejected: the transform refuses the request after all.
            TransformFailed: it raised anything else, or returned no such pair.
        """
        beside = {INPUTS: _as_given(inputs, self._inputs), _CONTEXT: context}
        asked = {name: beside[name] for name in self.asks_for}
        own = _as_given(outputs, self._outputs)
        method = self._transform.postprocess
        return _checked(method, _reply, _call(method, own, **asked))

    def _prepared(self, given: object) -> PreparedRows | Done:
        if isinstance(given, Done):
            _require_reply(given.content_type, given.body, "preprocess")
            return given
        inputs: object = given.inputs if isinstance(given, Prepared) else given
        if not isinstance(inputs, Mapping):
            raise TransformFailed(
                f"preprocess returned {_kind(inputs)}, not inputs by name and not Done"
            )
        context = given.context if isinstance(given, Prepared) else None
        rows_first, rows = self._rows(inputs)
        return PreparedRows(rows_first, rows, self._kept(context))

    def _kept(self, context: object) -> Kept | None:
        if not self.asks_for:
            return None
        return Kept(self, context if _CONTEXT in self.asks_for else None)

    def _rows(self, given: Mapping[str, object]) -> tuple[Mapping[str, npt.NDArray[Any]], int]:
        """Return the inputs, rows first, and their rows; raises TransformFailed unless they fit the model."""
        wanted = {spec.name for spec in self._inputs}
        if given.keys() != wanted:
            raise TransformFailed(
                f"preprocess returned inputs {sorted(map(str, given))}, the model takes "
                f"{sorted(wanted)}"
            )
        inputs = {spec.name: _in_rows(given[spec.name], spec) for spec in self._inputs}
        rows = {len(array) for array in inputs.values()}
        if len(rows) > 1:
            raise TransformFailed(f"preprocess returned inputs of {sorted(rows)} rows, not of one")
        return inputs, rows.pop()


def _asked(postprocess: Callable[..., object]) -> frozenset[str]:
    """Return what `postprocess` asks for besides outputs, its first parameter whatever that is called.

    Of one that cannot be looked into it is nothing.
    """
    try:
        _, *others = inspect.signature(postprocess).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    return _ASKED & {each.name for each in others if each.kind not in _COLLECTING}


def _as_given(
    arrays: Mapping[str, npt.NDArray[Any]], specs: Sequence[TensorSpec]
) -> Mapping[str, npt.NDArray[Any]]:
    """Return `arrays`, rows first, as a transform knows them: whole ones as the model has them."""
    if not any(spec.whole for spec in specs):
        return arrays
    return {name: array.reshape(array.shape[1:]) for name, array in arrays.items()}


def _in_rows(array: object, spec: TensorSpec) -> npt.NDArray[Any]:
    problem = _misfit(array, spec)
    if problem or not isinstance(array, np.ndarray):
        raise TransformFailed(f"preprocess returned for input {spec.name!r} {problem}")
    return array[np.newaxis] if spec.whole else array


def _misfit(array: object, spec: TensorSpec) -> str:
    if not isinstance(array, np.ndarray):
        return f"{_kind(array)}, not an array"
    if array.dtype != spec.dtype:
        return f"{array.dtype}, the model takes {spec.dtype} (nothing is cast silently)"
    rows = 0 if spec.whole else 1
    row = array.shape[rows:]
    fits = len(row) == len(spec.row_shape) and all(
        want is None or want == has for want, has in zip(spec.row_shape, row, strict=True)
    )
    if array.ndim < rows or not fits:
        lengths = ["any" if want is None else want for want in spec.row_shape]
        wanted = lengths if spec.whole else ["rows", *lengths]
        return f"shape {array.shape}, the model takes ({', '.join(map(str, wanted))})"
    return "" if spec.whole or len(array) else "no row"


def _call(
    function: Callable[_Arguments, _Returned],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Returned:
    try:
        return function(*args, **kwargs)
    except Rejected as rejected:
        if rejected.code in REJECTION_CODES:
            raise
        detail = "it rejected the request with a code that is not one"
        raise TransformFailed(detail, place_of(rejected, function)) from rejected
    # A user's code may raise anything, and an exit from it must not end a thread of the pool. Its
    # text stays out of the reply: it may name files or quote the request.
    except (Exception, SystemExit) as error:
        name = getattr(function, "__name__", "it")
        detail = f"{name} raised {type(error).__name__}"
        raise TransformFailed(detail, place_of(error, function)) from error


def _checked(
    method: Callable[..., object], check: Callable[[object], _Returned], given: object
) -> _Returned:
    """Return what `check` makes of what `method` has returned; a failure is told of the method."""
    try:
        return check(given)
    except TransformFailed as failure:
        failure.place = beginning_of(method, _UNUSABLE)
        raise


def _reply(given: object) -> tuple[str, bytes]:
    if not isinstance(given, tuple) or len(given) != 2:  # noqa: PLR2004 -- a pair
        raise TransformFailed(f"postprocess returned {_kind(given)}, not (content type, body)")
    content_type, body = given
    _require_reply(content_type, body, "postprocess")
    return content_type, body


def _require_reply(content_type: object, body: object, method: str) -> None:
    if not isinstance(content_type, str) or not content_type.isascii() or not content_type:
        raise TransformFailed(f"{method} gave a content type that is not ASCII text")
    if not isinstance(body, bytes):
        raise TransformFailed(f"{method} gave a body that is {_kind(body)}, not bytes")


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
