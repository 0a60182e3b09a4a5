"""Durations and sizes as people write them: "30s", "1MiB".

Decimal arithmetic, so that what is formatted parses to the very same number again.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_SECONDS = {
    "us": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86_400),
}
_BYTES = {
    "B": Decimal(1),
    "KiB": Decimal(2**10),
    "MiB": Decimal(2**20),
    "GiB": Decimal(2**30),
    "kB": Decimal(10**3),
    "MB": Decimal(10**6),
    "GB": Decimal(10**9),
}
# Whole bytes up to the longest size, and all the digits that a float's shortest form can have.
_NUMBER = r"[0-9]{1,16}(\.[0-9]{1,18})?"
# Beyond these a value is a slip of the pen; they also keep every quantity finite and exact.
_LONGEST_S = 3650 * 86_400
_LARGEST_BYTES = 2**20 * 2**30
_QUANTITY = re.compile(rf"({_NUMBER})\s*([A-Za-z]+)")


def _parse(text: object, factors: Mapping[str, Decimal], example: str) -> Decimal:
    if isinstance(text, str):
        found = _QUANTITY.fullmatch(text.strip())
        if found and found[3] in factors:
            return Decimal(found[1]) * factors[found[3]]
    raise ValueError(f"must be written with a unit ({', '.join(factors)}), like {example}")


def parse_duration(text: object) -> float:
    """Return the seconds that `text` names, such as "20ms" or "30s"; raises ValueError otherwise."""
    if isinstance(text, float):  # a default, already in seconds
        return text
    seconds = _parse(text, _SECONDS, '"30s"')
    if seconds > _LONGEST_S:
        raise ValueError(f"must be at most {format_duration(_LONGEST_S)}")
    return float(seconds)


def parse_size(text: object) -> int:
    """Return the bytes that `text` names, such as "1MiB"; raises ValueError otherwise."""
    if isinstance(text, int) and not isinstance(text, bool):  # a default, already in bytes
        return text
    size = _parse(text, _BYTES, '"1MiB"')
    if size != size.to_integral_value():
        raise ValueError("must be a whole number of bytes")
    if size > _LARGEST_BYTES:
        raise ValueError(f"must be at most {format_size(_LARGEST_BYTES)}")
    return int(size)


def format_duration(seconds: float) -> str:
    """Return `seconds` in the largest unit that needs no fraction: 0.02 is "20ms"."""
    if not seconds:
        return "0s"
    exact = Decimal(repr(float(seconds)))
    for unit in reversed(_SECONDS):
        if exact % _SECONDS[unit] == 0:
            return f"{int(exact / _SECONDS[unit])}{unit}"
    return f"{exact / _SECONDS['us']:f}us"


def format_size(size_bytes: int) -> str:
    """Return `size_bytes` in the largest unit that needs no fraction: 2**20 is "1MiB"."""
    for unit in ("GiB", "MiB", "KiB", "GB", "MB", "kB"):
        factor = int(_BYTES[unit])
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return f"{size_bytes}B"


DURATION_PATTERN = rf"^{_NUMBER}\s*({'|'.join(_SECONDS)})$"
SIZE_PATTERN = rf"^{_NUMBER}\s*({'|'.join(_BYTES)})$"

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0),
    PlainSerializer(format_duration, return_type=str, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
"""Seconds inside, text with a unit outside."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    Field(ge=0),
    PlainSerializer(format_size, return_type=str, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN}),
]
"""Bytes inside, text with a unit outside."""
