"""What the workers of a host counted together, whoever of them still runs. Pure.

Rule 1: a process's counters only grow: of two looks at one of them the larger is the later.
Rule 2: what a process counted is not undone when it ends. The next one of its slot begins at zero,
and what it counts is added.
Rule 3: the largest that anybody of a slot saw stays the largest, and the last window the last.
Rule 4: a look that is answered after the process's end tells nothing that its last words did not.
Rule 5: gauges are of this moment: those of a process that does not answer are forgotten.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from prometheus_client.core import Metric as Family

from daemon.telemetry import metric_names as names

LABEL = "worker"
"""What tells in each sample from which slot it is."""
_COUNTING = frozenset({"counter", "histogram"})
_LARGEST = frozenset(
    names.PREFIX + gauge.name for gauge in (*names.LARGEST.values(), names.LAST_WINDOW)
)

_Labels: TypeAlias = tuple[tuple[str, str], ...]
_Series: TypeAlias = tuple[str, str, _Labels]
"""Names of the family and of the sample, and the sample's labels."""


class WorkerProcess(NamedTuple):
    """One process of a slot; `number` grows with each that the supervisor starts."""

    slot: int
    number: int


class Totals:
    """One set of samples for each slot; memory is bounded by slots and series."""

    def __init__(self) -> None:
        self._kinds: dict[str, Family] = {}
        self._ended: dict[int, int] = {}
        self._before: dict[int, dict[_Series, float]] = defaultdict(dict)
        self._counts: dict[WorkerProcess, dict[_Series, float]] = {}
        self._gauges: dict[WorkerProcess, dict[_Series, float]] = {}

    def see(self, answers: Mapping[WorkerProcess, Iterable[Family]]) -> None:
        """Take what the processes that answered show now."""
        self._gauges = {}
        for process, families in answers.items():
            if process.number > self._ended.get(process.slot, 0):
                counts, self._gauges[process] = self._sorted(families)
                self._count(process, counts)

    def ended(self, process: WorkerProcess, last_words: Iterable[Family]) -> None:
        """The process has ended, and had counted this; nothing: it could not say."""
        counts, _ = self._sorted(last_words)
        self._count(process, counts)
        self._ended[process.slot] = process.number
        self._gauges.pop(process, None)
        _add(self._counts.pop(process), self._before[process.slot])

    def families(self) -> Sequence[Family]:
        """Return all of it, each sample with its slot; the families are the caller's own."""
        families = {
            name: Family(name, kind.documentation, kind.type) for name, kind in self._kinds.items()
        }
        for slot, series in self._by_slot().items():
            for (family, name, labels), value in series.items():
                families[family].add_sample(name, {**dict(labels), LABEL: str(slot)}, value)
        return [family for family in families.values() if family.samples]

    def _by_slot(self) -> Mapping[int, Mapping[_Series, float]]:
        slots = {slot: dict(counts) for slot, counts in sorted(self._before.items())}
        for process, counts in sorted(self._counts.items()):
            _add(counts, slots.setdefault(process.slot, {}))
        for process, gauges in sorted(self._gauges.items()):
            slots.setdefault(process.slot, {}).update(gauges)
        return slots

    def _count(self, process: WorkerProcess, counts: Mapping[_Series, float]) -> None:
        known = self._counts.setdefault(process, {})
        for series, value in counts.items():
            known[series] = max(known.get(series, 0.0), value)

    def _sorted(
        self, families: Iterable[Family]
    ) -> tuple[Mapping[_Series, float], dict[_Series, float]]:
        """Return what only grows, and the rest."""
        counts: dict[_Series, float] = {}
        gauges: dict[_Series, float] = {}
        for family in families:
            self._kinds.setdefault(family.name, family)
            grows = family.type in _COUNTING or family.name in _LARGEST
            into = counts if grows else gauges
            for sample in family.samples:
                into[family.name, sample.name, tuple(sample.labels.items())] = sample.value
        return counts, gauges


def _add(counts: Mapping[_Series, float], into: dict[_Series, float]) -> None:
    """Add what one process counted to what those before it did."""
    for series, value in counts.items():
        before = into.get(series, 0.0)
        into[series] = max(before, value) if series[0] in _LARGEST else before + value
