"""The partitions of one assignment whose suspects run alone. Pure.

Rule 1. A partition that nobody holds is as its note says: whoever had it gave it up tidily.
Rule 2. So is one that this same life of the process held: nothing died.
Rule 3. A holder that died while it ran a range of the partition alone has died of that range.
Rule 4. A partition with suspects of which none ran has no part in a death: its notes stand.
Rule 5. Nor has one whose holder is known to have died of another partition's suspects.
Rule 6. In any other what was in flight is suspect.
Rule 7. Who has cost fewest deaths runs first, so that the innocent are through before the next one.
Rule 8. A run that is survived teaches once what ran is answered, and no further one of its partition
  begins before: a worker that dies meanwhile, of something else, finds commit and suspects as one.
  Answers may wait for ever, and nothing but this partition waits with them.
Rule 9. MOST_BLAMED in a row, over all partitions here, are enough while no request of their lanes got
  a result, in whichever lives: then it is what runs them that kills, and nobody is blamed any more.
  Who ends for that lets the next life try its last suspect anew, for something may have been mended.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TypeAlias

from daemon.isolation.note import NO_NOTE, Alone, Note
from daemon.isolation.suspect_range import SuspectRange
from daemon.values.ports import Probe

Partition: TypeAlias = tuple[str, int]

MOST_BLAMED = 12
"""A client that tries the same again ten times is one bad client; what refuses a dozen and lets nobody
through is no guard any more. Each is kept as a dead letter, and can be sent again."""


def died_in_flight(note: Note, incarnation: str, accused: Collection[str]) -> bool:
    """Whether whoever held a partition with `note` died, maybe of what was in flight (rules 1 to 6).

    `incarnation` is this life of this process; `accused`: see daemon.isolation.note.accused.
    """
    return note.held not in ("", incarnation) and note.suspects is None and note.held not in accused


class Quarantine:
    """Told what was found at an assignment, what begins and what ends; says what is next."""

    def __init__(
        self, incarnation: str, gives_results: Callable[[Partition], bool] = lambda _: False
    ) -> None:
        """`incarnation`: this life of this process; empty: nothing is noted.

        `gives_results`: whether requests of the partition's lane have got results here.
        """
        self._incarnation = incarnation
        self._gives_results = gives_results
        self._blamed: dict[Partition, int] = {}
        self._suspects: dict[Partition, SuspectRange] = {}
        self._died: dict[Partition, str] = {}
        self._probe: Probe | None = None
        self._ran: dict[Partition, Probe] = {}
        """What ran alone, killed nobody, and may not yet be answered."""
        self._released = False

    # What is known

    @property
    def probe(self) -> Probe | None:
        """What runs alone at the moment."""
        return self._probe

    @property
    def suspects(self) -> Mapping[Partition, SuspectRange]:
        """The partitions that are read by probes only."""
        return MappingProxyType(self._suspects)

    def note(self, partition: Partition) -> Note:
        """Return what a commit of `partition` says from now on."""
        if not self._incarnation:
            return NO_NOTE
        probe = None if self._released else self._probe
        runs = probe is not None and probe.partition == partition and not probe.is_blamed
        return Note(
            held="" if self._released else self._incarnation,
            died=self._died.get(partition, ""),
            suspects=self._suspects.get(partition),
            alone=Alone(probe.first, probe.end) if probe and runs else None,
            blamed=self._blamed_of(partition),
        )

    def next(self, topics: Collection[str], offset_of: Callable[[Partition], int]) -> Probe | None:
        """Return what of `topics` is to run alone next; None: nothing now.

        `offset_of` returns where a partition's commits stand: all below is answered, and suspect no
        more.
        """
        ready = []
        for partition, suspects in list(self._suspects.items()):
            if partition in self._ran or partition[0] not in topics:
                continue
            offset = offset_of(partition)
            if offset >= suspects.end:
                self.forget(partition)
                continue
            is_blamed = suspects.is_blamed(offset)
            end = offset + 1 if is_blamed else suspects.next_end(offset)
            in_a_row = 0 if self._gives_results(partition) else self._blamed_in_a_row
            ready.append(Probe(partition, offset, end, is_blamed, suspects.deaths, in_a_row))
        return min(
            ready,
            key=lambda probe: (not probe.is_blamed, probe.deaths, probe.partition),
            default=None,
        )

    # What happens

    def take_up(self, partition: Partition, note: Note, in_flight: SuspectRange | None) -> None:
        """Take over a partition with `note`; `in_flight` is what is suspect of it by rule 6."""
        self._blamed[partition] = note.blamed
        suspects, died = note.suspects or in_flight, note.died
        if suspects is None:
            return
        if note.suspects and note.alone and note.held not in ("", self._incarnation):
            suspects, died = note.suspects.died(*note.alone), note.held
        self._suspects[partition] = suspects
        self._died[partition] = died

    def begin(self, probe: Probe) -> None:
        """`probe` is about to run: it is to be noted first."""
        self._probe = probe

    def end(self, reached: int) -> None:
        """The probe runs no more: what of it lies below `reached` has run, and killed nobody."""
        probe, self._probe = self._probe, None
        if probe is not None and reached > probe.first and probe.partition in self._suspects:
            self._ran[probe.partition] = probe._replace(end=reached)

    def learn(self, offset_of: Callable[[Partition], int]) -> Mapping[Partition, SuspectRange]:
        """Take in what ran alone and is answered by now; `offset_of`: see `next`.

        Returns what it was about where nothing of a partition is suspect any more.
        """
        over = {}
        answered = [each for each in self._ran.values() if offset_of(each.partition) >= each.end]
        for probe in answered:
            del self._ran[probe.partition]
            suspects = self._suspects[probe.partition]
            if probe.is_blamed:
                self._blamed[probe.partition] = self._blamed_of(probe.partition) + 1
                suspects = suspects.blamed(probe.end)
            else:
                suspects = suspects.survived(probe.end)
            self._suspects[probe.partition] = suspects
            if probe.end >= suspects.end:
                self.forget(probe.partition)
                over[probe.partition] = suspects
        return over

    def forget(self, partition: Partition) -> None:
        """The log of `partition` is another one by now, or all that was suspect is answered."""
        self._suspects.pop(partition, None)
        self._died.pop(partition, None)
        self._ran.pop(partition, None)

    def release(self) -> None:
        """Let commits say from now on that nothing is in flight."""
        self._released = True
        if self._blamed_in_a_row >= MOST_BLAMED:
            for partition, suspects in self._suspects.items():
                self._suspects[partition] = suspects._replace(deaths_alone=0)

    @property
    def _blamed_in_a_row(self) -> int:
        """Those whose answers are still on their way are among them."""
        blamed = [self._blamed_of(partition) for partition in self._blamed]
        return sum(blamed) + sum(probe.is_blamed for probe in self._ran.values())

    def _blamed_of(self, partition: Partition) -> int:
        blamed = self._blamed.get(partition, 0)
        return 0 if not blamed or self._gives_results(partition) else blamed
