"""Why a broker could not be had, as people read it. Pure."""

import os
import re
import socket

_NUMBER = re.compile(r"^\[Error \d+\] ")
_ADDRESS = re.compile(r"\('?([^',()]+)'?, (\d+), <AddressFamily\.\w+: \d+>\)")
"""How the Kafka client writes a code and an address into its messages."""


def reason_of(error: BaseException) -> str:
    """Return what `error` says, without the names of classes and numbers that Python writes."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, socket.gaierror):
        return "the name is unknown"
    if isinstance(error, OSError) and error.errno is not None:
        return _lowered(os.strerror(error.errno))
    said = _NUMBER.sub("", str(error)).removeprefix(f"{type(error).__name__}: ")
    return _ADDRESS.sub(r"\1:\2", said) or type(error).__name__


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
