"""Faults put into the rules of isolation one at a time, each of which a property must notice."""

from tests.mutation import Mutant

ORDER = ["daemon.isolation.suspect_range", "daemon.isolation.note", "daemon.isolation.quarantine"]
"""Each imports only from those before it (and from modules that are never mutated)."""
NAMES = [
    "daemon.isolation.note:Note",
    "daemon.isolation.note:accused",
    "daemon.isolation.quarantine:Quarantine",
    "daemon.isolation.quarantine:died_in_flight",
    "daemon.isolation.suspect_range:SuspectRange",
    "daemon.isolation.suspect_range:in_flight",
]

MUTANTS = [
    Mutant(
        "daemon.isolation.suspect_range:SuspectRange.is_blamed",
        "blames after one death alone",
        "self.deaths_alone >= DEATHS_ALONE",
        "self.deaths_alone >= 1",
    ),
    Mutant(
        "daemon.isolation.suspect_range:SuspectRange.died",
        "counts the death alone of the one before it",
        "self.deaths_alone if end == self.killer_end else 0",
        "self.deaths_alone",
    ),
    Mutant(
        "daemon.isolation.suspect_range:SuspectRange.died",
        "learns nothing from where a worker died",
        "self._replace(killer_end=end, deaths_alone=alone, deaths=self.deaths + 1)",
        "self._replace(killer_end=self.end, deaths_alone=alone, deaths=self.deaths + 1)",
    ),
    Mutant(
        "daemon.isolation.suspect_range:SuspectRange.next_end",
        "halves nothing",
        "(self.killer_end - offset) // 2",
        "self.killer_end - offset",
    ),
    Mutant(
        "daemon.isolation.suspect_range:in_flight",
        "suspects the first only",
        "min(log_end, offset + most_ahead)",
        "min(log_end, offset + 1)",
    ),
    Mutant(
        "daemon.isolation.note:accused",
        "accuses whoever ran nothing alone",
        "note.alone is not None",
        "note.alone is None",
    ),
    Mutant(
        "daemon.isolation.quarantine:Quarantine.take_up",
        "counts no death in a probe",
        "note.suspects.died(*note.alone), note.held",
        "note.suspects, note.held",
    ),
    Mutant(
        "daemon.isolation.quarantine:Quarantine.note",
        "does not note what runs alone",
        "Alone(probe.first, probe.end) if probe and runs else None",
        "None if probe and runs else None",
    ),
    Mutant(
        "daemon.isolation.quarantine:Quarantine.note",
        "forgets with each life how many were blamed",
        "self._blamed_of(partition)",
        "0",
    ),
    Mutant(
        "daemon.isolation.quarantine:Quarantine.learn",
        "learns from what is not answered",
        "offset_of(each.partition) >= each.end",
        "True",
    ),
    Mutant(
        "daemon.isolation.quarantine:Quarantine.next",
        "goes on in a partition before it is answered",
        "partition in self._ran or partition[0] not in topics",
        "partition[0] not in topics",
    ),
    Mutant(
        "daemon.isolation.quarantine:Quarantine._blamed_of",
        "counts those that were blamed between results",
        "0 if not blamed or self._gives_results(partition) else blamed",
        "blamed",
    ),
    Mutant(
        "daemon.isolation.quarantine:died_in_flight",
        "suspects nobody who held a partition",
        'note.held not in ("", incarnation)',
        "note.held == incarnation",
    ),
]
