"""What a commit says beside its offset, for whoever has the partition next, on any host. Pure.

Rule 1. A commit without a note tells nothing and accuses nobody: other programs make such commits,
  and so does a worker that gives a partition up with nothing of it in flight.
Rule 2. What is not understood is passed over: another version wrote it.
Rule 3. A note is at most LONGEST characters; Kafka keeps 4,096 (offset.metadata.max.bytes).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from daemon.isolation.suspect_range import SuspectRange

LONGEST = 256
"""All parts take 242 at their longest; Kafka has room for sixteen such, and commits say more than this."""
_HELD, _DIED, _SUSPECTS, _ALONE, _BLAMED = "held", "died", "suspects", "alone", "blamed"
_NAME = re.compile(r"[0-9a-f]{1,32}")
_NUMBERS = re.compile(r"[0-9]{1,19}(,[0-9]{1,19}){1,9}")
_SUSPECTS_NUMBERS = 5
_COUNT = re.compile(r"[0-9]{1,4}")

_Value = TypeVar("_Value")


class Alone(NamedTuple):
    """A range of offsets that runs alone."""

    first: int
    end: int


class Note(NamedTuple):
    """What is known of a partition.

    held: the incarnation (one life of a worker process) that has it; "": nobody, and nothing of it
    is in flight. died: the incarnation that died last while it ran `suspects` of it. alone: the
    range that runs alone at this moment. blamed: how many of it were blamed in a row, while no request
    of its lane got a result.
    """

    held: str = ""
    died: str = ""
    suspects: SuspectRange | None = None
    alone: Alone | None = None
    blamed: int = 0

    @property
    def text(self) -> str:
        """The note as a commit carries it."""
        parts = [
            (_HELD, self.held),
            (_DIED, self.died),
            (_SUSPECTS, _joined(self.suspects)),
            (_ALONE, _joined(self.alone)),
            (_BLAMED, str(self.blamed or "")),
        ]
        return ";".join(f"{name}={value}" for name, value in parts if value)

    @classmethod
    def read(cls, said: Mapping[str, str]) -> "Note":
        """Return what the assignments of a commit's metadata say."""
        return cls(
            held=_name(said.get(_HELD, "")),
            died=_name(said.get(_DIED, "")),
            suspects=_read(said.get(_SUSPECTS, ""), _SUSPECTS_NUMBERS, lambda n: SuspectRange(*n)),
            alone=_read(said.get(_ALONE, ""), 2, lambda n: Alone(*n)),
            blamed=_count(said.get(_BLAMED, "")),
        )


NO_NOTE = Note()


def accused(notes: Iterable[Note]) -> set[str]:
    """Return the incarnations that are known to have died of what they ran alone, if they died."""
    dead = {note.held for note in notes if note.alone is not None}
    return (dead | {note.died for note in notes}) - {""}


def _joined(numbers: Iterable[int] | None) -> str:
    return "" if numbers is None else ",".join(map(str, numbers))


def _name(text: str) -> str:
    return text if _NAME.fullmatch(text) else ""


def _count(text: str) -> int:
    return int(text) if _COUNT.fullmatch(text) else 0


def _read(text: str, least: int, make: Callable[[list[int]], _Value]) -> _Value | None:
    """Numbers beyond those that are known here are of a later version."""
    if len(text) > LONGEST or not _NUMBERS.fullmatch(text):
        return None
    numbers = [int(each) for each in text.split(",")]
    return make(numbers[:least]) if len(numbers) >= least else None
