"""What the command line says of a run."""

from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    """See `tidemill-load run --help`."""

    scenario: str
    targets: tuple[str, ...] = ()
    bootstrap: str = ""
    metrics: str = ""
    embedded: bool = False
    capacity: str = ""
    json: Path | None = None
    junit: Path | None = None
    raw: Path | None = None
    html: Path | None = None
