"""Where in a user's own file something went wrong: lines, and never values."""

import traceback
from collections.abc import Callable
from typing import NamedTuple


class Place(NamedTuple):
    """A line of code, and what happened there: the kind of an error, without its text."""

    file: str
    line: int
    kind: str


def place_of(error: BaseException, function: Callable[..., object]) -> Place:
    """Return where `error` left the file of `function`, that was called; else where it began."""
    lines = [*traceback.walk_tb(error.__traceback__)]
    home = _file_of(function)
    at_home = [(frame, line) for frame, line in lines if frame.f_code.co_filename == home]
    frame, line = (at_home or lines)[-1]
    return Place(frame.f_code.co_filename, line, type(error).__name__)


def beginning_of(function: Callable[..., object], kind: str) -> Place:
    """Return where `function` begins, of whose result as a whole something is said."""
    code = getattr(function, "__code__", None)
    return Place(_file_of(function), getattr(code, "co_firstlineno", 0), kind)


def line_in(file: str, error: BaseException) -> int | None:
    """Return the last line of `file` that `error` came through."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == file
    ]
    return lines[-1] if lines else None


def traceback_of(error: BaseException, *, without: str) -> str:
    """Return the traceback of `error` as Python shows it, less what came first in the file `without`."""
    begin = error.__traceback__
    while begin is not None and begin.tb_frame.f_code.co_filename == without:
        begin = begin.tb_next
    return "".join(traceback.format_exception(type(error), error, begin))


def _file_of(function: Callable[..., object]) -> str:
    return getattr(getattr(function, "__code__", None), "co_filename", "")
