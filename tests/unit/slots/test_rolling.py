"""A roll: new settings reach the workers one at a time."""

from daemon.slots.rolling import Finished, Replace, Rolling, SlotReplaced, Stopped
from daemon.slots.slot import Do, Patience, SlotState
from daemon.slots.slots import Slots

PATIENCE = Patience(start_s=100.0, heartbeat_s=30.0, drain_s=70.0)


class Host:
    """Slots and a roll as a supervisor drives them, on a host that does as it is told."""

    def __init__(self, workers, *, most=3):
        self.slots = Slots(most, PATIENCE, now=0.0)
        self.rolling = Rolling()
        self.wanted = workers
        self.steps = []
        self.now = 0.0
        self.fails = set()
        """Slots whose next worker ends before it serves."""
        self.look()
        self.settle()

    def renew(self):
        self.slots.renew(3, PATIENCE)
        self.rolling.begin(self.slots.revision)

    def look(self):
        """One look, a second after the last."""
        self.now += 1.0
        for number in range(len(self.slots.all)):
            self.slots.beat(number, self.now)
        step = self.rolling.step(self.slots.all, self.now)
        if step is not None:
            self.steps.append(step)
        if isinstance(step, Replace):
            self.slots.replace(step.slot)
        return [(action.do, action.slot) for action in self.slots.decide(self.wanted, self.now)]

    def settle(self):
        """Whoever starts serves, or fails; whoever drains ends."""
        for number, slot in enumerate(self.slots.all):
            if slot.state is SlotState.DRAINING:
                self.slots.exited(number, 0, self.now)
            elif slot.state is SlotState.STARTING and number in self.fails:
                self.slots.exited(number, 70, self.now)
            elif slot.state is SlotState.STARTING:
                self.slots.ready(number, self.now)

    def run(self, looks):
        for _ in range(looks):
            self.look()
            self.settle()

    @property
    def serving(self):
        return sum(slot.state is SlotState.SERVING for slot in self.slots.all)


def test_workers_are_replaced_one_after_the_other():
    host = Host(3)
    host.renew()

    host.run(20)

    # Drained in one look, started in the next: it serves at the one after.
    assert host.steps == [
        Replace(0),
        SlotReplaced(0, 2.0, 2.0),
        Replace(1),
        SlotReplaced(1, 2.0, 2.0),
        Replace(2),
        SlotReplaced(2, 2.0, 2.0),
        Finished(),
    ]
    assert {slot.revision for slot in host.slots.all} == {host.slots.revision}


def test_the_next_waits_until_the_one_before_serves():
    host = Host(2)
    host.renew()
    assert host.look() == [(Do.DRAIN, 0)]
    host.slots.exited(0, 0, host.now)
    host.look()

    assert [host.look() for _ in range(50)] == [[]] * 50

    host.slots.ready(0, host.now)
    host.look()
    assert host.look() == [(Do.DRAIN, 1)]


def test_the_pause_is_from_the_drain_until_the_replacement_serves_and_unserved_from_the_end():
    host = Host(1)
    host.renew()
    host.look()
    for _ in range(7):
        host.look()
    host.settle()
    host.look()
    host.settle()
    host.look()

    assert host.steps[-1] == SlotReplaced(0, 9.0, 2.0)


def test_a_replacement_that_fails_stops_the_roll_and_leaves_the_others():
    host = Host(3)
    host.renew()
    host.fails = {1}

    host.run(30)

    assert host.steps == [Replace(0), SlotReplaced(0, 2.0, 2.0), Replace(1), Stopped(1, left=1)]
    assert not host.rolling.under_way
    assert host.slots.all[2].revision < host.slots.revision
    assert host.slots.all[2].state is SlotState.SERVING


def test_a_replacement_that_is_refused_stops_the_roll():
    host = Host(2)
    host.renew()
    host.look()
    host.slots.exited(0, 0, host.now)
    host.look()
    host.slots.exited(0, 65, host.now)

    host.run(30)

    assert host.steps == [Replace(0), Stopped(0, left=1)]


def test_another_hangup_begins_anew_after_the_roll_was_stopped():
    host = Host(2)
    host.renew()
    host.fails = {0}
    host.run(10)
    host.fails = set()

    host.renew()
    host.run(60)

    assert host.steps[-1] == Finished()
    assert host.serving == 2
    assert {slot.revision for slot in host.slots.all if slot.alive} == {host.slots.revision}


def test_another_hangup_during_a_roll_replaces_also_what_was_replaced():
    host = Host(2)
    host.renew()
    host.run(5)
    host.renew()
    host.run(20)

    assert host.steps[-1] == Finished()
    assert {slot.revision for slot in host.slots.all[:2]} == {host.slots.revision}


def test_a_worker_that_died_meanwhile_is_not_replaced_once_more():
    host = Host(2)
    host.renew()
    host.look()
    host.slots.exited(1, -9, host.now)

    host.run(20)

    assert host.steps == [Replace(0), SlotReplaced(0, 3.0, 2.0), Finished()]
    assert host.serving == 2


def test_a_worker_that_dies_before_it_is_drained_does_not_stop_the_roll():
    host = Host(2)
    host.renew()
    host.look()
    host.slots.exited(0, 0, host.now)
    host.look()
    host.settle()
    host.slots.exited(0, -9, host.now)  # after it had served with the new settings

    host.run(20)

    assert host.steps == [Replace(0), Replace(1), SlotReplaced(1, 2.0, 2.0), Finished()]


def test_fewer_workers_may_be_wanted_during_a_roll():
    host = Host(3)
    host.renew()
    host.run(4)
    host.wanted = 1

    host.run(20)

    assert host.steps[-1] == Finished()
    assert host.serving == 1


def test_without_workers_a_roll_is_finished_at_once():
    host = Host(0)
    host.renew()

    host.run(2)

    assert host.steps == [Finished()]
