"""Writes a page."""

import os
from importlib.util import find_spec
from pathlib import Path

from loadtest.report.document import RunReport
from loadtest.report.html.markup import html
from loadtest.report.html.page import Page, page


def can_draw() -> bool:
    """Return whether what draws figures is installed; it is imported when a page is made."""
    return find_spec("matplotlib") is not None


def write(path: Path, report: RunReport) -> None:
    """Write the page of a report; raises BadReport."""
    write_page(path, page(report))


def write_page(path: Path, made: Page) -> None:
    """Write it; whoever reads meanwhile sees the old file or the new one."""
    from loadtest.report.html.drawing import svg  # noqa: PLC0415 - takes a second, and only pages need it

    text = html(made, svg)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
