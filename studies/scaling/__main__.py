"""Replay all loads and write the tables of docs/scaling.md anew."""

import sys

from studies.scaling.page import PAGE, measured, rewrite, tables
from studies.scaling.site import Site


def main() -> None:
    """Replay, and write the page."""
    made = tables(measured(Site()))
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is up to date\n")


if __name__ == "__main__":
    main()
