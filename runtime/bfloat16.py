"""bfloat16, which numpy does not have: the upper 16 bits of a float32, carried as uint16. Pure."""

import numpy as np
import numpy.typing as npt

_LOWER_BITS = 16
_QUIET_NAN = np.uint16(0x7FC0)


def to_float32(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Return the float32 values, exactly."""
    return (bits.astype(np.uint32) << _LOWER_BITS).view(np.float32)


def from_float32(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Return the nearest bfloat16 values, ties to even; what is too large becomes infinity."""
    whole = values.view(np.uint32)
    # Half of the lower part's range, and one less before an even upper part: ties go to even.
    rounding = np.uint32(0x7FFF) + ((whole >> _LOWER_BITS) & np.uint32(1))
    upper = ((whole + rounding) >> _LOWER_BITS).astype(np.uint16)
    return np.where(np.isnan(values), _QUIET_NAN, upper)
