"""How much is measured."""

from pathlib import Path
from typing import NamedTuple


class Scale(NamedTuple):
    """Repetitions, whether a quick look is enough, and where to write a profile of the relay."""

    repeat: int
    quick: bool = False
    profile: Path | None = None

    def pick(self, whole: int, quick: int) -> int:
        """Return the size of a measurement."""
        return quick if self.quick else whole
