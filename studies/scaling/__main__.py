"""Replay all loads and write the tables of docs/scaling.md anew, or those that are named."""

import sys
from collections.abc import Callable, Mapping

from studies.scaling import many, patience, ready_by
from studies.scaling.page import MANY, PAGE, PATIENCE, READY_BY, RULES, measured, rewrite, tables
from studies.scaling.site import Site

_TABLES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "rules": (RULES, lambda: tables(measured(Site()))),
    "patience": (PATIENCE, lambda: patience.table(patience.measured())),
    "ready_by": (
        READY_BY,
        lambda: patience.table(ready_by.measured(), promise="the time"),
    ),
    "many": (MANY, lambda: many.table(many.measured())),
}


def main() -> None:
    """Replay, and write the page."""
    page = PAGE.read_text(encoding="utf-8")
    for name in sys.argv[1:] or _TABLES:
        place, make = _TABLES[name]
        page = rewrite(page, make(), place)
    PAGE.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is up to date\n")


if __name__ == "__main__":
    main()
