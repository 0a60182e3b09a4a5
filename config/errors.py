"""The one way a configuration fails."""

from collections.abc import Sequence


class SettingsError(Exception):
    """The settings cannot be used; `problems` has one line each, and each says what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
