"""Durations and sizes as people write them: "30s", "1MiB"."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


def _parse(text: object, factors: dict[str, float] | dict[str, int], example: str) -> float:
    if isinstance(text, str):
        found = _QUANTITY.fullmatch(text.strip())
        if found and found[2] in factors:
            return float(found[1]) * factors[found[2]]
    raise ValueError(f"must be written with a unit ({', '.join(factors)}), like {example}")


def parse_duration(text: object) -> float:
    """Return the seconds that `text` names, such as "20ms" or "30s"; raises ValueError otherwise."""
    if isinstance(text, float):  # a default, already in seconds
        return text
    return _parse(text, _SECONDS, '"30s"')


def parse_size(text: object) -> int:
    """Return the bytes that `text` names, such as "1MiB"; raises ValueError otherwise."""
    if isinstance(text, int) and not isinstance(text, bool):  # a default, already in bytes
        return text
    return int(_parse(text, _BYTES, '"1MiB"'))


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(us|ms|s|min|h|d)$"}),
]
"""Seconds inside, text with a unit outside."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|KiB|MiB|GiB|kB|MB|GB)$"}),
]
"""Bytes inside, text with a unit outside."""
