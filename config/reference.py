"""The tables of docs/configuration.md, made from the settings themselves.

`python -m config.reference` writes them anew between the page's two markers; the rest of the page
is written by hand.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from config.catalogue import Section, Setting, dotted, sections

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"

_BEGIN = "<!-- made by `python -m config.reference`; change the settings in config/ instead -->"
_END = "<!-- end of what is made -->"

_WORDS = {
    "text": "text",
    "duration": "duration",
    "size": "size",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
    "list": "list of text",
    "numbers": "list of numbers",
    "name or number": "text, whole number",
    "table": "table",
}


def tables() -> str:
    """Return a table for each section, in Markdown."""
    return "\n\n".join("\n".join(_table(section)) for section in sections())


def rewrite(page: str) -> str:
    """Return `page` with its tables made anew; raises ValueError when a marker is missing."""
    head, begin, rest = page.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"the page needs the lines {_BEGIN} and {_END}")
    return f"{head}{begin}\n\n{tables()}\n\n{end}{tail}"


def _table(section: Section) -> Iterator[str]:
    choice = f" with `{section.choice}`" if section.choice else ""
    yield f"### `[{dotted(section.key)}]`{choice}"
    yield ""
    yield section.description
    yield ""
    yield "| setting | takes | default | meaning |"
    yield "|---|---|---|---|"
    for setting in section.settings:
        cells = (f"`{setting.key[-1]}`", _takes(setting), _default(setting), setting.description)
        row = " | ".join(cell.replace("|", "\\|") for cell in cells)
        yield f"| {row} |"


def _takes(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    words = _WORDS[setting.kind]
    if setting.most is not None:
        least = "at most" if setting.least is None else f"{setting.least} to"
        return f"{words}, {least} {setting.most}"
    return words if setting.least is None else f"{words}, at least {setting.least}"


def _default(setting: Setting) -> str:
    if setting.required:
        return "**required**"
    return "none" if setting.default is None else f"`{setting.default}`"


def main() -> None:
    """Write the tables of the page anew."""
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} is up to date\n")


if __name__ == "__main__":
    main()
