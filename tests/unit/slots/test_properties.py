"""Slots and rolls against a host on which anything may happen, in any order."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.slots.rolling import Replace, Rolling
from daemon.slots.slot import Cause, Do, Patience, SlotState
from daemon.slots.slots import HOPELESS, Slots
from daemon.values.errors import MOST_DEATHS_AT_START

PATIENCE = Patience(start_s=20.0, heartbeat_s=10.0, drain_s=15.0)
MOST = 4


@dataclass
class Process:
    """What the host knows of a worker."""

    revision: int
    serves: bool = False
    hangs: bool = False
    told: frozenset[Do] = frozenset()


class Host(RuleBasedStateMachine):
    """It starts and ends what it is told to, late or never; workers come up, die and hang."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.most = MOST
        self.slots = Slots(self.most, PATIENCE, now=0.0)
        self.rolling = Rolling()
        self.wanted = 0
        self.processes = {}
        self.pauses = {}
        """When a slot may start again, by what was said at its last end."""
        self.closed = set()
        self.revision = 1
        self.served = {}
        """With which settings a slot served last."""
        self.deaths = {}
        """In a row, before a slot's worker served."""

    # What happens

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0]))
    def look(self, seconds):
        self.now += seconds
        for number, process in self.processes.items():
            if process.serves and not process.hangs:
                self.slots.beat(number, self.now)
        step = self.rolling.step(self.slots.all, self.now)
        if isinstance(step, Replace):
            assert self.slots.all[step.slot].state is SlotState.SERVING
            self.slots.replace(step.slot)
        for action in self.slots.decide(self.wanted, self.now):
            self.do(action)

    def do(self, action):
        number = action.slot
        if action.do is Do.START:
            assert number not in self.processes, "a slot has one process at most"
            assert number < self.most
            assert number not in self.closed, "a hopeless code was not believed"
            assert self.now >= self.pauses.get(number, 0.0), "a restart without a pause"
            self.processes[number] = Process(self.revision)
        else:
            assert number in self.processes, "who is not there cannot be told anything"
            process = self.processes[number]
            assert action.do is not Do.KILL or process.told, (
                "nobody is killed without a word before"
            )
            process.told |= {action.do}

    @rule(wanted=st.integers(0, MOST + 2))
    def want(self, wanted):
        self.wanted = wanted

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def come_up(self, data):
        number = data.draw(st.sampled_from(sorted(self.processes)))
        if not self.processes[number].told:
            self.come_up_at(number)

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def hang(self, data):
        self.processes[data.draw(st.sampled_from(sorted(self.processes)))].hangs = True

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def leave(self, data):
        """Somebody else told it to drain."""
        number = data.draw(st.sampled_from(sorted(self.processes)))
        self.processes[number].told |= {Do.DRAIN}
        self.slots.leaving(number, self.now)

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), on=st.booleans())
    def isolate(self, data, on):
        self.slots.isolating(data.draw(st.sampled_from(sorted(self.processes))), on=on)

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), code=st.sampled_from([0, 65, 70, 75, 78, -9, -11]))
    def end(self, data, code):
        number = data.draw(st.sampled_from(sorted(self.processes)))
        self.note_end(number, code)

    def note_end(self, number, code):
        process = self.processes.pop(number)
        end = self.slots.exited(number, code, self.now)
        self.pauses[number] = self.now + end.pause_s
        if (
            end.cause is not Cause.ASKED
            and code in HOPELESS
            and not self.has_served(number, process)
        ) or self.died_at_start(number, process, end):
            self.closed.add(number)
        elif end.cause is Cause.ISOLATED:
            assert end.pause_s == 0
        elif end.cause is not Cause.ASKED:
            assert 1 <= end.pause_s <= 60

    def died_at_start(self, number, process, end):
        """Whether this was one death too many before anything was served with these settings."""
        if end.cause in {Cause.ASKED, Cause.ISOLATED}:
            self.deaths[number] = 0 if end.cause is Cause.ISOLATED else self.deaths.get(number, 0)
            return False
        at_start = not process.serves and end.code < 0
        self.deaths[number] = self.deaths.get(number, 0) + 1 if at_start else 0
        too_many = self.deaths[number] >= MOST_DEATHS_AT_START
        return too_many and not self.has_served(number, process)

    def has_served(self, number, process):
        return self.served.get(number) == process.revision

    @rule(most=st.integers(1, MOST))
    def hang_up(self, most):
        self.most = most
        self.revision += 1
        self.slots.renew(most, PATIENCE)
        self.rolling.begin(self.slots.revision)
        self.pauses.clear()
        self.closed.clear()
        self.deaths = {number: self.deaths.get(number, 0) for number in self.processes}

    # What always holds

    @invariant()
    def everybody_there_is_known(self):
        alive = {number for number, slot in enumerate(self.slots.all) if slot.alive}
        assert alive == set(self.processes)
        assert self.slots.living == len(self.processes) <= MOST

    @invariant()
    def one_at_a_time_is_replaced(self):
        assert sum(slot.replacing for slot in self.slots.all) <= 1

    # Where it leads

    def teardown(self):
        self.roll_ends_in_peace()
        self.all_end_although_nobody_obeys()

    def roll_ends_in_peace(self):
        """New settings that are good reach everybody, and as many serve as are wanted."""
        self.hang_up(MOST)
        self.wanted = 3
        for _ in range(400):
            self.look(1.0)
            for number in list(self.processes):
                process = self.processes[number]
                if process.told:
                    self.note_end(number, 0)
                elif not process.serves:
                    process.hangs = False
                    self.come_up_at(number)
        assert not self.rolling.under_way
        assert self.slots.census()[SlotState.SERVING] == 3
        assert {s.revision for s in self.slots.all if s.alive} == {self.slots.revision}

    def come_up_at(self, number):
        process = self.processes[number]
        process.serves = True
        self.served[number] = process.revision
        self.slots.ready(number, self.now)

    def all_end_although_nobody_obeys(self):
        self.wanted = 0
        for process in self.processes.values():
            process.hangs = True
        for _ in range(60):
            self.look(1.0)
            for number, process in list(self.processes.items()):
                if Do.KILL in process.told:
                    self.note_end(number, -9)
        assert self.processes == {}


Host.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestHost = Host.TestCase


def test_a_host_where_every_worker_fails_at_once_is_not_stormed():
    slots = Slots(MOST, PATIENCE, now=0.0)
    slots.decide(1, 0.0)
    slots.ready(0, 0.0)
    slots.exited(0, 70, 0.0)
    starts = 0
    for second in range(3600):
        for action in slots.decide(2, float(second)):
            assert action.do is Do.START
            starts += 1
            slots.exited(action.slot, 70, float(second))

    # A slot pauses for a minute in the end; in the beginning each may try three times.
    assert starts <= 2 * 60 + MOST * 6
