"""Prose is folded at 120 columns, so that pages and their changes fit beside each other."""

import re

import pytest

from tests.pages import PAGES, name, prose

COLUMNS = 120
MADE = re.compile(r"<!-- (?:figures|begin|made by).*?<!-- end[^>]*-->", re.DOTALL)
UNFOLDED = ("|", "![")
"""How lines begin that cannot be folded: rows of tables, and pictures."""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_prose_is_folded(page):
    lines = prose(MADE.sub("", page.read_text(encoding="utf-8"))).splitlines()

    too_long = [line for line in lines if len(line) > COLUMNS and not line.startswith(UNFOLDED)]

    assert too_long == []
