"""Replay all loads and write the tables of docs/scaling.md anew."""

import sys

from studies.scaling import patience
from studies.scaling.page import PAGE, PATIENCE, measured, rewrite, tables
from studies.scaling.site import Site


def main() -> None:
    """Replay, and write the page."""
    page = PAGE.read_text(encoding="utf-8")
    page = rewrite(page, patience.table(patience.measured()), PATIENCE)
    page = rewrite(page, tables(measured(Site())))
    PAGE.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is up to date\n")


if __name__ == "__main__":
    main()
