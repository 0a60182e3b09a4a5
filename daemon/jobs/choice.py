"""Which input a job has, a folder, a table, or lines, and whether its results become a table."""

import os
import stat
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from daemon.jobs.inputs import Folder, Input, Lines
from daemon.jobs.journal import Journal
from daemon.jobs.order import Columns, OutFormat
from daemon.values.errors import Exit, Fatal

_PARQUET = b"PAR1"
"""What a Parquet file begins with: https://parquet.apache.org/docs/file-format/."""
_GZIP = b"\x1f\x8b"
"""RFC 1952, 2.3.1."""
_ZSTD = b"\x28\xb5\x2f\xfd"
"""RFC 8878, 3.1.1."""


def input_at(path: Path, columns: Columns, *, most_bytes: int) -> Input:
    """Return what is at `path`, no body larger than `most_bytes`; raises Fatal."""
    try:
        _refuse_unreadable(path)
        if parts := _parts(path):
            return _table(path, parts, columns, most_bytes)
    except OSError as error:
        raise Fatal(Exit.USAGE, f"{path} cannot be read: {error.strerror or error}") from error
    if columns != Columns():
        raise Fatal(Exit.USAGE, f"{path} is no Parquet, which alone has columns")
    if path.is_dir():
        return Folder(path, most_bytes=most_bytes)
    return Lines(path, most_bytes=most_bytes)


def finish_of(out_format: OutFormat) -> Callable[[Path, Journal], Awaitable[None]]:
    """Return what is done to a job's folder when it is over; raises Fatal where the extra is missing."""
    if out_format is OutFormat.JSONL:
        return _leave
    try:
        from daemon.jobs.results_table import write_table
    except ModuleNotFoundError as error:
        raise _lacking(error) from error
    return write_table


async def _leave(_folder: Path, _journal: Journal) -> None:
    """Lines are there already."""


def _refuse_unreadable(path: Path) -> None:
    """Raise Fatal for what cannot be read twice, or would be read as lines that it does not have; and OSError."""
    if path.is_dir():
        return
    if not stat.S_ISREG(path.stat().st_mode):
        raise Fatal(
            Exit.USAGE,
            f"{path} is neither a folder nor a file: what comes by a pipe must be saved first, since it is read"
            " again when it is sent",
        )
    with path.open("rb") as file:
        if file.read(len(_ZSTD)).startswith((_GZIP, _ZSTD)):
            raise Fatal(Exit.USAGE, f"{path} is compressed: unpack it first")


def _parts(path: Path) -> list[Path]:
    """Return the files of a table, none where there is something else; raises OSError.

    A folder is one where all files are named so, but for those that Spark leaves out too (`_SUCCESS`).
    """
    if not path.is_dir():
        with path.open("rb") as file:
            return [path] if file.read(len(_PARQUET)) == _PARQUET else []
    parts: list[Path] = []
    for above, folders, files in os.walk(path):
        folders[:] = sorted(each for each in folders if each[0] not in "._")
        names = sorted(each for each in files if each[0] not in "._")
        if not all(each.endswith(".parquet") for each in names):
            return []
        parts += [Path(above, each) for each in names]
    return parts


def _table(path: Path, parts: Sequence[Path], columns: Columns, most_bytes: int) -> Input:
    try:
        # Whoever has no Parquet neither needs the extra nor waits for it.
        from daemon.jobs.tables import Table
    except ModuleNotFoundError as error:
        raise _lacking(error) from error
    try:
        return Table(parts, columns, most_bytes=most_bytes)
    except ValueError as error:
        raise Fatal(Exit.USAGE, f"nothing was sent: {path} cannot be sent:{error}") from error


def _lacking(error: ModuleNotFoundError) -> Exception:
    if error.name != "pyarrow":
        return error
    wheel = f"tidemill-{version('tidemill')}-py3-none-any.whl"
    return Fatal(
        Exit.USAGE,
        "Parquet needs the package pyarrow, which is not installed; it comes with the extra `parquet`:"
        f" pip install '.[parquet]' in a checkout, or '{wheel}[parquet]'",
    )
