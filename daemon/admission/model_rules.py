"""What one model accepts: which forms, which tensors, which values."""

import math
from collections.abc import Sequence

from config.settings import Limits, Model
from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Arrays, Bucket, Form
from daemon.wire import binary, json_v2, npy
from daemon.wire.forms import Bounds, Decoded
from daemon.wire.json_frames import Frame, Joined, frame_of
from daemon.wire.ragged import own_elements
from daemon.wire.shapes import check_rows
from daemon.wire.values import ValueRule
from runtime.padding import LengthsRefused
from runtime.signature import Signature


class ModelRules:
    """Decodes and checks bodies for one model; `transform`: a user's code makes its inputs."""

    def __init__(
        self, name: str, signature: Signature, settings: Model, limits: Limits, *, transform: bool
    ) -> None:
        self.name = name
        self.transform = transform
        self.signature = signature
        self.raw_row_bytes = None if transform else signature.raw_row_bytes
        self.most_rows = 1 if signature.whole else limits.request_rows
        """Of a request."""
        self._bounds = Bounds(self.most_rows, limits.json_depth, limits.prepared_bytes)
        self._most_prepared_bytes = limits.prepared_bytes
        self._values = [(spec, ValueRule(spec, settings)) for spec in signature.inputs]
        raw = (Form.RAW,) if self.raw_row_bytes is not None else ()
        files = (Form.NPY,) if npy.supports(signature) else ()
        self.forms = (Form.JSON, Form.BINARY, *raw, *files)
        """What bodies for this model can be; a tuple, since an Enum's hash is slow."""

    @property
    def rows_are_columns(self) -> bool:
        """Whether bodies of one row each can be rows of one array: nothing is made of them, or padded."""
        signature = self.signature
        return not self.transform and signature.padding is None and not signature.whole

    @property
    def raw_rule(self) -> ValueRule:
        """What raw rows must hold: they are looked at for many requests at once."""
        ((_, rule),) = self._values
        return rule

    def raw_rows(self, body: bytes) -> int:
        """Return how many rows a raw body has; its values are not looked at.

        Raises: RequestRefused invalid_shape, too_large.
        """
        rows, rest = divmod(len(body), self.raw_row_bytes or 1)
        if rest:
            raise RequestRefused(
                Code.INVALID_SHAPE, f"the body is not whole rows of {self.raw_row_bytes} bytes"
            )
        check_rows(rows, most_rows=self._bounds.rows)
        return rows

    def decode(self, form: Form, body: bytes, json_bytes: int | None) -> Decoded:
        """Return the checked inputs in a body that is not raw; raises RequestRefused."""
        if form is Form.JSON:
            decoded = json_v2.decode(body, self.signature, self._bounds)
        elif form is Form.BINARY:
            decoded = binary.decode(body, json_bytes or 0, self.signature, self._bounds)
        else:
            decoded = npy.decode(body, self.signature, self._bounds)
        # What fills rows up is the model's own affair, and may be a value that requests may not have.
        self.check_values(own_elements(decoded.arrays, decoded.envelope, self.signature.padding))
        return decoded

    def frame(self, body: bytes) -> Frame | None:
        """Return the frame of a JSON body that `decode` accepts, None where it has none."""
        return frame_of(body, self.signature, self._bounds)

    def read(self, frame: Frame, bodies: Sequence[list[bytes]]) -> list[Decoded]:
        """Return the checked inputs of JSON bodies of one frame, by their texts.

        Raises RequestRefused when one of them is not right; which one and why, `decode` says.
        """
        return self.read_joined(frame, bodies).apart()

    def read_joined(self, frame: Frame, bodies: Sequence[list[bytes]]) -> Joined:
        """Return the same, of all bodies in one array for each input."""
        joined = frame.read(bodies)
        self.check_values(joined.arrays)
        return joined

    def check_rows(self, rows: int) -> None:
        """Raise RequestRefused too_large for more rows than a request may have."""
        check_rows(rows, most_rows=self._bounds.rows)

    def check_prepared(self, prepared_bytes: int) -> None:
        """Raise RequestRefused too_large for more than a transform may make of one request."""
        if prepared_bytes > self._most_prepared_bytes:
            raise RequestRefused(
                Code.TOO_LARGE,
                f"the transform makes {prepared_bytes} bytes of it, at most {self._most_prepared_bytes} are allowed",
            )

    def check_values(self, arrays: Arrays) -> None:
        """Raise RequestRefused invalid_value for values that the model must not see."""
        for spec, rule in self._values:
            fault = rule.fault(arrays[spec.name])
            if fault is not None:
                raise RequestRefused(Code.INVALID_VALUE, fault)

    def bucket(self, lane: str, arrays: Arrays) -> Bucket:
        """Return whom a request with these inputs may share a batch with.

        Raises RequestRefused invalid_shape for lengths that cannot be padded.
        """
        if self.signature.one_shape:
            return Bucket(lane, self.name)
        shape = tuple(arrays[spec.name].shape[1:] for spec in self.signature.inputs)
        if self.signature.padding is None:
            return Bucket(lane, self.name, shape)
        try:
            return Bucket(lane, self.name, self.signature.padding.padded(shape))
        except LengthsRefused as refused:
            raise RequestRefused(Code.INVALID_SHAPE, str(refused)) from refused

    def padding_bytes(self, bucket: Bucket, arrays: Arrays) -> int:
        """Return what these inputs take besides when they are padded as others in `bucket`.

        Raises RequestRefused too_large where that is more than may be made of one request.
        """
        if self.signature.padding is None:
            return 0
        padded_bytes = sum(
            len(arrays[spec.name]) * math.prod(shape) * spec.dtype.itemsize
            for spec, shape in zip(self.signature.inputs, bucket.shape, strict=True)
        )
        if padded_bytes > self._most_prepared_bytes:
            raise RequestRefused(
                Code.TOO_LARGE,
                f"padded its inputs take {padded_bytes} bytes, at most {self._most_prepared_bytes} are allowed",
            )
        return padded_bytes - sum(array.nbytes for array in arrays.values())
