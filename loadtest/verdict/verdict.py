"""The verdict on a run, and its exit code. Pure."""

from enum import Enum
from typing import NamedTuple

from loadtest.verdict.exits import Exit
from loadtest.verdict.judge import Outcome, Ruling


class Word(Enum):
    """The verdict in one word."""

    PASS = "PASS"  # noqa: S105 - no password
    MISSED = "MISSED"
    INVALID = "INVALID"
    INTERRUPTED = "INTERRUPTED"


class Verdict(NamedTuple):
    """The word, the rulings on all targets, and why the run may not be believed."""

    word: Word
    rulings: list[Ruling]
    doubts: list[str]

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return Exit[self.word.name]


def pronounce(rulings: list[Ruling], doubts: list[str], *, is_interrupted: bool) -> Verdict:
    """Return the verdict; `doubts` make all rulings void."""
    if is_interrupted:
        word = Word.INTERRUPTED
    elif doubts:
        word = Word.INVALID
    elif any(ruling.outcome is Outcome.MISSED for ruling in rulings):
        word = Word.MISSED
    elif not rulings or any(ruling.outcome is Outcome.UNDECIDED for ruling in rulings):
        word = Word.INVALID
    else:
        word = Word.PASS
    return Verdict(word, rulings, doubts)
