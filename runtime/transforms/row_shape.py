"""The shape of a model's rows, where a ready-made transform makes all of them alike. Pure."""

from dataclasses import replace

from config.transform_tables import ImageTransform, ReadyMade
from runtime.signature import Signature


def as_made(signature: Signature, chosen: str | ReadyMade) -> Signature:
    """Return `signature` with the lengths that pictures have, where the model leaves them free.

    So its sample has the shape of its requests, all of which share batches. What does not fit stays as it
    is, and is refused where the transform is made.
    """
    if not isinstance(chosen, ImageTransform) or len(signature.inputs) != 1:
        return signature
    (spec,) = signature.inputs
    before = len(spec.row_shape) - len(chosen.image)
    if before not in ({0, 1} if spec.whole else {0}):
        return signature
    wanted = (*(1,) * before, *chosen.image)
    lengths = zip(spec.row_shape, wanted, strict=True)
    if any(has not in {None, length} for has, length in lengths):
        return signature
    return replace(signature, inputs=(replace(spec, row_shape=wanted),))
