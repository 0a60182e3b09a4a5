"""Colours and dashes by which lines and parts are told apart, also by those who see few colours.

Fills are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), on light and dark alike. Lines
have darker shades of them on light and lighter ones on dark, at least 3 : 1 against the ground.
The figures name colours by stand-ins, which become CSS variables: page.html has their values.
"""

import re

DASHES: tuple[tuple[float, ...], ...] = (
    (), (6, 2), (2, 1.5), (8, 2, 2, 2), (4, 1.5, 1.5, 1.5, 1.5, 1.5), (10, 3), (), (12, 2, 4, 2),
)  # fmt: skip
"""Lengths of dash and gap by style, in widths of a line; the first is solid."""
FILLS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#999999", "#0072b2")
"""By style; black text on them has at least 4.5 : 1, but for the last."""

_NAMES = ("text", "quiet", "grid", "ground", "shade", "lost", *(f"line{n}" for n in range(8)))
_STAND_INS = {name: f"#01{place:02x}fe" for place, name in enumerate(_NAMES)}


def colour(name: str) -> str:
    """Return the stand-in for text, quiet, grid, ground, shade or lost."""
    return _STAND_INS[name]


def line(style: int) -> str:
    """Return the stand-in for the colour of a line."""
    return _STAND_INS[f"line{style % len(DASHES)}"]


def dashes(style: int) -> tuple[float, ...]:
    """Return the dashes of a line."""
    return DASHES[style % len(DASHES)]


def fill(style: int) -> str:
    """Return the colour of a part."""
    return FILLS[style % len(FILLS)]


def on_fill(style: int) -> str:
    """Return the colour of text on it."""
    return "#ffffff" if fill(style) == FILLS[-1] else "#000000"


def with_variables(svg: str) -> str:
    """Return `svg` with CSS variables for the stand-ins."""
    return re.sub(
        "#01([0-9a-f]{2})fe",
        lambda found: f"var(--{_NAMES[int(found[1], 16)]})" if int(found[1], 16) < len(_NAMES) else found[0],
        svg,
    )  # fmt: skip
