"""The pages of this project, taken apart for the tests that hold them to the code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
        *ROOT.glob("clients/**/*.md"),
    ]
)

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    .*$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def name(page):
    return str(page.relative_to(ROOT))


def prose(text):
    """Return `text` without its blocks of code."""
    return _INDENTED.sub("", _FENCED.sub("", text))


def code_lines(text):
    """Return what a reader might type: the lines of blocks, comments cut, and all spans."""
    blocks = [*_FENCED.findall(text), *_INDENTED.findall(text)]
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [*lines, *_SPAN.findall(prose(text))]
