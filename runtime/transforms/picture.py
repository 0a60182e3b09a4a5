"""A stranger's file as a picture: JPEG, PNG or WebP, decoded within bounds.

What a file says of itself is judged before anything is decoded: a few bytes can stand for gigabytes
of pixels.
"""

import warnings
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from runtime.transform import Rejected

_FORMATS = ("JPEG", "PNG", "WEBP")
"""Pillow knows dozens; each is code that reads a stranger's bytes."""
_MODES = {1: "L", 3: "RGB"}

# Pillow warns of what is odd in a file with words of that file, once for each: strangers would fill
# standard error, and the memory of what was said.
warnings.filterwarnings("ignore", module=r"PIL\.")


def read_picture(body: bytes, *, channels: int, max_pixels: int) -> Image.Image:
    """Return the picture as it is to be seen: turned as its EXIF says, in RGB (3) or grey (1).

    Of an animation it is the first frame. Transparency is dropped, colour profiles are not heeded.

    Raises:
        Rejected: it is of another format, larger than `max_pixels`, or broken.
    """
    opened = _opened(body, max_pixels)
    width, height = opened.size
    if width * height > max_pixels:
        raise _too_large(f"the picture has {width} x {height} pixels", max_pixels)
    try:
        ImageOps.exif_transpose(opened, in_place=True)  # else a copy, turned or not
        return _converted(opened, _MODES[channels])
    except MemoryError:
        raise
    except Exception as error:  # decoders raise what comes: OSError, SyntaxError, struct.error ...
        raise Rejected("invalid_value", "the picture is broken") from error


def _opened(body: bytes, max_pixels: int) -> Image.Image:
    try:
        return Image.open(BytesIO(body), formats=_FORMATS)
    except UnidentifiedImageError:
        raise Rejected("unsupported_media_type", "send a picture: JPEG, PNG or WebP") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large("the picture is too large", max_pixels) from None
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise Rejected("invalid_value", "the picture is broken") from error


def _converted(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode.startswith("I;16"):  # Pillow would cut all but the darkest to white
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert(mode)
    if picture.mode == "P" and "transparency" in picture.info:  # else Pillow warns
        return picture.convert("RGBA").convert(mode)
    return picture if picture.mode == mode else picture.convert(mode)


def _too_large(what: str, max_pixels: int) -> Rejected:
    return Rejected("too_large", f"{what}; at most {max_pixels} are decoded")
