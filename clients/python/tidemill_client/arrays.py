"""Arrays as bodies, where numpy is there: nothing here imports it before an array is met. Pure."""

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

NPY = "application/x-npy"


def is_array(value: object) -> bool:
    """Whether `value` is an array of numpy's."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def encoded(array: "np.ndarray[Any, Any]") -> bytes:
    """Return `array` as an .npy file; raises ValueError when it holds objects, or what is masked."""
    from numpy.lib import format as npy  # noqa: PLC0415 - numpy is there, since an array is

    if hasattr(array, "mask"):
        raise ValueError("a body has no place for a mask: fill it first, by array.filled(...)")
    file = io.BytesIO()
    npy.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def decoded(
    body: bytes, content_type: str | None, dtype: "DTypeLike | None"
) -> "np.ndarray[Any, Any]":
    """Return the array that `body` is; raises ValueError, and ImportError without numpy."""
    try:
        import numpy as np  # noqa: PLC0415 - only who asks for arrays needs it
        from numpy.lib import format as npy  # noqa: PLC0415 - the same
    except ImportError as error:
        raise ImportError("arrays take numpy: pip install numpy") from error

    if content_type == NPY:
        array: np.ndarray[Any, Any] = npy.read_array(io.BytesIO(body), allow_pickle=False)
        return array
    if dtype is None:
        raise ValueError(f"a body of {content_type} does not say of which type its elements are")
    return np.frombuffer(body, dtype)
