"""Replay all loads and write the tables of docs/scaling.md anew."""

import sys

from studies.scaling import patience, ready_by
from studies.scaling.page import PAGE, PATIENCE, READY_BY, measured, rewrite, tables
from studies.scaling.site import Site


def main() -> None:
    """Replay, and write the page."""
    page = PAGE.read_text(encoding="utf-8")
    page = rewrite(page, patience.table(patience.measured()), PATIENCE)
    page = rewrite(page, patience.table(ready_by.measured(), promise="the time"), READY_BY)
    page = rewrite(page, tables(measured(Site())))
    PAGE.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is up to date\n")


if __name__ == "__main__":
    main()
