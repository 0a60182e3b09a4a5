"""Arrays and Open Inference Protocol JSON for the codecs' tests, written without the codecs."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from daemon.wire.forms import Bounds
from tests.signatures import DTYPES

BOUNDS = Bounds(rows=1_000, json_depth=32, padded_bytes=2**25)
NUMERIC = [name for name in DTYPES if name not in {"BYTES", "BF16"}]

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def floats(datatype):
    width = np.dtype(DTYPES[datatype]).itemsize * 8
    return st.floats(allow_nan=False, allow_infinity=False, width=width)


@st.composite
def arrays(draw, datatypes=tuple(DTYPES)):
    """Draw (datatype, array with at least one row): every value can be written as JSON."""
    datatype = draw(st.sampled_from(datatypes))
    shape = draw(shapes)
    if datatype == "BYTES":
        elements = st.text()
        dtype = np.dtype(object)
    elif datatype == "BF16":
        # Bit patterns of finite numbers: exponents below all ones.
        elements = st.integers(0, 0x7F7F) | st.integers(0x8000, 0xFF7F)
        dtype = np.dtype(np.uint16)
    else:
        dtype = np.dtype(DTYPES[datatype])
        elements = floats(datatype) if dtype.kind == "f" else None
    return datatype, draw(hnp.arrays(dtype, shape, elements=elements))


def plain(datatype, array):
    """Return the elements as JSON would have them."""
    if datatype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
