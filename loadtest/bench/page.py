"""Puts figures into a page, each bench between two marks of its own. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from loadtest.bench.figures import Section
from loadtest.bench.report import markdown
from loadtest.bench.scale import Scale
from loadtest.deployment.machine import in_a_line


class MarkMissing(Exception):
    """The page has no place for a bench; the message names its marks."""


def renewed(
    text: str,
    measured: Mapping[str, Sequence[Section]],
    machine: Mapping[str, str],
    scale: Scale,
) -> str:
    """Return `text` with the figures of `measured` in place of the older ones.

    Raises MarkMissing.
    """
    for name, sections in measured.items():
        text = _replaced(text, name, _block(name, sections, machine, scale))
    return text


def require_marks(text: str, names: Iterable[str]) -> None:
    """Raise MarkMissing unless a page has a place for each bench."""
    for name in names:
        _replaced(text, name, "")


def marks(name: str) -> tuple[str, str]:
    """Return the lines between which the figures of a bench stand."""
    return f"<!-- figures: {name} -->", f"<!-- end: {name} -->"


def _replaced(text: str, name: str, block: str) -> str:
    begin, end = marks(name)
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise MarkMissing(f"the page lacks {begin} or {end}")
    return f"{before}{begin}\n{block}\n{end}{after}"


def _block(name: str, sections: Sequence[Section], machine: Mapping[str, str], scale: Scale) -> str:
    quick = " --quick" if scale.quick else ""
    command = f"tidemill-load bench {name} --repeat {scale.repeat}{quick}"
    return "\n".join(
        [f"`{command}` on: {in_a_line(machine)}.", "", *map(markdown, sections)]
    ).rstrip()
