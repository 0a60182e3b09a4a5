"""The verdict on a run, and its exit code. Pure."""

from enum import Enum
from typing import NamedTuple

from loadtest.verdict.exits import Exit
from loadtest.verdict.judge import Ruling, TargetOutcome


class VerdictWord(Enum):
    """The verdict in one word."""

    PASS = "PASS"  # noqa: S105 - no password
    MISSED = "MISSED"
    INVALID = "INVALID"
    INTERRUPTED = "INTERRUPTED"


class Verdict(NamedTuple):
    """The word, the rulings on all targets, and why the run may not be believed."""

    word: VerdictWord
    rulings: list[Ruling]
    doubts: list[str]

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return Exit[self.word.name]


def pronounce(rulings: list[Ruling], doubts: list[str], *, is_interrupted: bool) -> Verdict:
    """Return the verdict; `doubts` make all rulings void."""
    if is_interrupted:
        word = VerdictWord.INTERRUPTED
    elif doubts:
        word = VerdictWord.INVALID
    elif any(ruling.outcome is TargetOutcome.MISSED for ruling in rulings):
        word = VerdictWord.MISSED
    elif not rulings or any(ruling.outcome is TargetOutcome.UNDECIDED for ruling in rulings):
        word = VerdictWord.INVALID
    else:
        word = VerdictWord.PASS
    return Verdict(word, rulings, doubts)
