"""Groups of workers that die of some requests, and of nothing at all, without Kafka and without time.

A group here is its commits, as text, and lives of workers: each takes partitions over as their notes
say, runs what is suspect alone and the rest at full speed, and dies when a killer is in what runs.
"""

import itertools
import random
from collections import Counter
from types import SimpleNamespace

from daemon.isolation.note import LONGEST, Note, accused
from daemon.isolation.quarantine import MOST_BLAMED, Quarantine, died_in_flight
from daemon.isolation.suspect_range import SuspectRange, in_flight

RULES = SimpleNamespace(
    Note=Note,
    accused=accused,
    Quarantine=Quarantine,
    died_in_flight=died_in_flight,
    SuspectRange=SuspectRange,
    in_flight=in_flight,
)
"""What decides; a mutant's in their place shows that a property notices it."""
AHEAD = 64
"""How far a worker reads ahead of its commits."""
MOST_LIVES = 400


class Died(Exception):
    """A worker is dead."""


class Ended(Exception):
    """A worker will not blame one request after the other."""


class Group:
    """Partitions of so many `records` each, of which the `killers` (partition, offset) kill."""

    def __init__(self, records, killers, *, kill=lambda: False, chance=None, rules=RULES):
        """`kill`: asked at each step whether somebody kills the worker from outside."""
        self.ends = {("t", number): count for number, count in enumerate(records)}
        self.killers = killers
        self.commits = dict.fromkeys(self.ends, (0, ""))
        self.answered, self.blamed = Counter(), Counter()
        self.deaths = self.ended = 0
        self.deaths_alone = Counter()
        self.killed_from_outside = kill
        self.chance = chance or random.Random(0)
        self.rules = rules
        self._names = (f"{number:x}" for number in itertools.count(1))

    def run(self, *, workers=1):
        """Let `workers` live, and start each anew when it dies, until all is answered or all have ended."""
        living, over = {}, set()
        for _ in range(MOST_LIVES):
            for slot in sorted(set(range(workers)) - over):
                mine = [each for each in self.ends if each[1] % workers == slot]
                if all(self.is_answered(each) for each in mine):
                    over.add(slot)
                    continue
                if slot not in living:
                    living[slot] = Worker(self, next(self._names), mine)
                try:
                    living[slot].live(self.chance.randrange(1, 8))
                except Died:
                    self.deaths += 1
                    del living[slot]
                except Ended:
                    over.add(slot)
                    self.ended += 1
            if len(over) == workers:
                return
        raise AssertionError("the line stands still")

    def is_answered(self, partition):
        """Whether all of it has its end."""
        return self.commits[partition][0] == self.ends[partition]


class Worker:
    """One life."""

    def __init__(self, group, name, partitions):
        self.group = group
        self.rules = group.rules
        self.quarantine = self.rules.Quarantine(name, lambda _: self.has_result)
        self.has_result = False
        self.partitions = partitions
        self.name = name
        self.taken_up = False
        self.unanswered = {}
        """Probes whose answers find nobody yet who takes them, by partition."""

    def live(self, steps):
        """Do so many things; raises Died."""
        if not self.taken_up:
            self.take_up()
        for _ in range(steps):
            self._step()

    def take_up(self):
        notes = {each: self._noted(each) for each in self.group.ends}
        others = self.rules.accused(notes.values())
        for each in self.partitions:
            suspects = None
            if self.rules.died_in_flight(notes[each], self.name, others):
                suspects = self.rules.in_flight(
                    self.offset(each), self.group.ends[each], most_ahead=AHEAD, now_s=0
                )
            self.quarantine.take_up(each, notes[each], suspects)
        for each in self.partitions:
            self.commit(each, self.offset(each))
        self.taken_up = True

    def _step(self):
        for partition in list(self.unanswered):
            if self.group.chance.random() < 0.3:
                self._answer(self.unanswered.pop(partition))
        self.quarantine.learn(self.offset)
        probe = self.quarantine.next({"t"}, self.offset)
        if probe is None or self.group.chance.random() < 0.3:
            self._at_full_speed()
        elif probe.is_blamed:
            if probe.in_a_row >= MOST_BLAMED:
                self._end()
            self.quarantine.begin(probe)
            self._perhaps_killed()
            self._over(probe)
        else:
            self.quarantine.begin(probe)
            self.commit(probe.partition, probe.first)
            try:
                self._run_alone(probe)
            except Died:
                if probe.end - probe.first == 1:
                    self.group.deaths_alone[probe.partition, probe.first] += 1
                raise
            self._over(probe)

    def _run_alone(self, probe):
        for offset in range(probe.first, probe.end):
            self._run(probe.partition, offset)
            if self.group.chance.random() < 0.2:
                self.commit(probe.partition, offset + 1)

    def _over(self, probe):
        """All else may run; the answers of `probe` have found their way, or may take their time."""
        self.quarantine.end(probe.end)
        if self.group.chance.random() < 0.3:
            self.unanswered[probe.partition] = probe
            self.commit(probe.partition, self.offset(probe.partition))
        else:
            self._answer(probe)

    def _answer(self, probe):
        if probe.is_blamed:
            self.group.blamed[probe.partition, probe.first] += 1
        self.commit(probe.partition, probe.end)
        self.quarantine.learn(self.offset)
        self.commit(probe.partition, probe.end)

    def _end(self):
        self.quarantine.release()
        for each in self.partitions:
            self.commit(each, self.offset(each))
        raise Ended

    def _at_full_speed(self):
        """Run some of each partition that is not in quarantine, all at once."""
        free = [each for each in self.partitions if each not in self.quarantine.suspects]
        batch = {
            each: range(
                self.offset(each),
                min(
                    self.offset(each) + self.group.chance.randrange(1, AHEAD), self.group.ends[each]
                ),
            )
            for each in free
        }
        for each, offsets in batch.items():
            for offset in offsets:
                self._run(each, offset)
        for each, offsets in batch.items():
            self.commit(each, max(offsets.stop, self.offset(each)))

    def _run(self, partition, offset):
        self._perhaps_killed()
        if (partition, offset) in self.group.killers:
            raise Died
        self.group.answered[partition, offset] += 1
        self.has_result = True

    def _perhaps_killed(self):
        if self.group.killed_from_outside():
            raise Died

    def offset(self, partition):
        return self.group.commits[partition][0]

    def _noted(self, partition):
        text = self.group.commits[partition][1]
        return self.rules.Note.read(dict(each.partition("=")[::2] for each in text.split(";")))

    def commit(self, partition, offset):
        self._perhaps_killed()
        note = self.quarantine.note(partition)
        assert len(note.text) <= LONGEST
        self.group.commits[partition] = (offset, note.text)
