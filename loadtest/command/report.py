"""The command `report`: the page of a run that is over."""

from pathlib import Path

from rich.console import Console

from loadtest import extra
from loadtest.report.document import BadReport, read
from loadtest.report.html.write import can_draw, write
from loadtest.verdict.exits import Exit


def report(file: Path, html: Path) -> int:
    """Make the page `html` of the report `file`; return the exit code, whatever the verdict says."""
    console = Console(highlight=False)
    why = _obstacle(file, html)
    if why:
        console.print(f"tidemill-load report: {why}", markup=False, style="red")
        return Exit.USAGE
    console.print(f"{html} can be opened in any browser.", markup=False)
    return Exit.PASS


def _obstacle(file: Path, html: Path) -> str:
    """Write the page; return why it cannot be made, empty when it is there."""
    if not can_draw():
        return f"--html: {extra.remedy(['matplotlib'])}"
    try:
        write(html, read(file))
    except (BadReport, OSError) as error:
        return str(error)
    return ""
