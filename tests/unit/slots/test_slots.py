"""Slots: which worker starts, drains and is ended, and when."""

import pytest

from daemon.slots.slot import Action, Cause, Do, End, Patience, SlotState
from daemon.slots.slots import Slots
from daemon.values.errors import MOST_DEATHS_AT_START, Exit

PATIENCE = Patience(start_s=100.0, heartbeat_s=30.0, drain_s=70.0)


def make(most=3):
    return Slots(most, PATIENCE, now=0.0)


def done(actions):
    return [(action.do, action.slot) for action in actions]


def served(count, *, most=3, now=0.0):
    """Slots of which `count` serve since `now`."""
    slots = make(most)
    slots.decide(count, now)
    for number in range(count):
        slots.ready(number, now)
    return slots


def watched(slots, wanted, until_s, *, since_s=0.0, silent=()):
    """Look every second, all but the `silent` beating; return what was done, and when."""
    found = []
    for second in range(int(since_s), int(until_s) + 1):
        for number, slot in enumerate(slots.all):
            if slot.state is SlotState.SERVING and number not in silent:
                slots.beat(number, second)
        found += [(second, *each) for each in done(slots.decide(wanted, second))]
    return found


# How many


def test_the_lowest_slots_start_first():
    slots = make()

    assert slots.decide(2, 0.0) == [
        Action(Do.START, 0, "a worker is wanted"),
        Action(Do.START, 1, "a worker is wanted"),
    ]
    assert slots.decide(2, 1.0) == []


def test_no_more_start_than_there_are_slots():
    slots = make(most=2)

    assert len(slots.decide(9, 0.0)) == 2


def test_the_highest_slots_drain_first():
    slots = served(3)

    assert done(slots.decide(1, 1.0)) == [(Do.DRAIN, 2), (Do.DRAIN, 1)]
    assert done(slots.decide(1, 2.0)) == []


def test_who_is_too_many_may_hand_back_what_gathers():
    slots = served(2)

    assert slots.decide(0, 1.0, hands_back=True) == [
        Action(Do.HAND_BACK, 1, "fewer workers are wanted"),
        Action(Do.HAND_BACK, 0, "fewer workers are wanted"),
    ]
    assert [slots.exited(number, 0, 2.0).cause for number in (0, 1)] == [Cause.ASKED] * 2


def test_who_is_replaced_answers_what_it_holds():
    slots = served(2)
    slots.renew(2, PATIENCE)
    slots.replace(0)

    assert done(slots.decide(2, 1.0, hands_back=True)) == [(Do.DRAIN, 0)]


def test_who_serves_stays_before_who_does_not_yet():
    slots = served(2)
    slots.exited(0, 70, 1.0)
    assert done(slots.decide(2, 2.0)) == [(Do.START, 0)]

    assert done(slots.decide(1, 3.0)) == [(Do.DRAIN, 0)]


def test_a_slot_that_drains_is_not_started_again_before_its_end():
    slots = served(1, most=1)
    slots.decide(0, 1.0)

    assert done(slots.decide(1, 2.0)) == []
    assert slots.exited(0, 0, 3.0) == End(0, 0, Cause.ASKED, 0.0)
    assert done(slots.decide(1, 3.0)) == [(Do.START, 0)]


def test_another_slot_starts_while_one_drains():
    slots = served(2)
    slots.decide(1, 1.0)

    assert done(slots.decide(2, 2.0)) == [(Do.START, 2)]


def test_working_are_those_that_serve_or_will():
    slots = served(2)
    slots.decide(3, 1.0)
    assert slots.working == 3

    slots.decide(1, 1.0)
    assert slots.working == 1
    assert slots.living == 3


def test_the_census_counts_every_state():
    slots = served(1)
    slots.decide(2, 1.0)

    assert slots.census() == {
        **dict.fromkeys(SlotState, 0),
        SlotState.EMPTY: 1,
        SlotState.STARTING: 1,
        SlotState.SERVING: 1,
    }


def test_a_worker_that_says_that_it_does_not_serve_is_shown_as_unready_and_kept():
    slots = served(2)

    slots.unready(1, "no broker answers")

    assert [slot.shown for slot in slots.all[:2]] == [SlotState.SERVING, SlotState.UNREADY]
    assert slots.census()[SlotState.UNREADY] == slots.census()[SlotState.SERVING] == 1
    assert slots.working == 2
    assert slots.decide(2, 1.0) == []

    slots.unready(1, "")
    assert slots.census()[SlotState.SERVING] == 2


def test_what_a_worker_said_of_itself_is_not_taken_for_its_successor():
    slots = served(1)
    slots.unready(0, "no broker answers")
    slots.exited(0, 70, 1.0)
    slots.decide(1, 60.0)

    slots.ready(0, 61.0)

    assert slots.all[0].shown is SlotState.SERVING


# Ends that nobody asked for


def test_a_dead_worker_is_started_again_after_a_pause():
    slots = served(1)

    assert slots.exited(0, -9, 50.0) == End(0, -9, Cause.KILLED, 1.0)
    assert done(slots.decide(1, 50.5)) == []
    assert slots.all[0].state is SlotState.BACKING_OFF
    assert done(slots.decide(1, 51.0)) == [(Do.START, 0)]


def test_who_dies_looking_for_a_killer_is_started_at_once():
    slots = served(1)
    assert slots.exited(0, -6, 1.0).pause_s == 1.0
    slots.decide(1, 2.0)
    for second in range(3, 20):
        slots.isolating(0, on=True)
        assert slots.exited(0, -6, float(second)) == End(0, -6, Cause.ISOLATED, 0.0)
        assert done(slots.decide(1, float(second))) == [(Do.START, 0)]

    slots.isolating(0, on=True)
    slots.isolating(0, on=False)
    assert slots.exited(0, -6, 20.0).pause_s == 1.0, "its failures before were excused"


def test_who_gives_the_search_up_again_and_again_pauses_longer_each_time():
    slots, pauses, now = served(1), [], 10.0
    for _ in range(4):
        for code in (-6, -6, Exit.MODEL_REFUSED):  # it looks again whether anything was mended
            slots.isolating(0, on=True)
            end = slots.exited(0, code, now)
            now += end.pause_s
            assert done(slots.decide(1, now)) == [(Do.START, 0)]
        pauses.append(end.pause_s)

    assert pauses == [1, 2, 4, 8]
    slots.ready(0, now)
    assert slots.exited(0, -9, now + 10).pause_s == 1.0, "it was mended, and has served"


def test_a_slot_whose_worker_dies_again_and_again_before_it_serves_is_closed():
    slots, now = make(most=1), 0.0
    for _ in range(MOST_DEATHS_AT_START):
        assert slots.hopeless is None
        while not slots.decide(1, now):
            now += 0.5
        slots.exited(0, -11, now)

    assert slots.all[0].state is SlotState.CLOSED
    assert slots.hopeless == Exit.MODEL_REFUSED


def test_pauses_grow_while_a_worker_does_not_come_up():
    slots = make(most=1)
    pauses, now = [], 0.0
    for _ in range(4):
        slots.decide(1, now)
        end = slots.exited(0, 75, now + 1)
        pauses.append(end.pause_s)
        now += 1 + end.pause_s

    assert pauses == [1, 2, 4, 8]


def test_a_slot_that_backs_off_keeps_its_place():
    slots = served(2)
    slots.exited(0, 70, 1.0)

    assert done(slots.decide(2, 1.1)) == []


def test_a_slot_that_fails_again_and_again_gives_way_to_a_free_one():
    slots = make(most=2)
    began = [each for each in watched_failing(slots, until_s=12) if each[1] is Do.START]

    assert [slot for _, _, slot in began] == [0, 0, 0, 1]


def watched_failing(slots, until_s):
    """Slot 0 ends with code 70 as soon as it starts; slot 1 serves."""
    found = []
    for second in range(until_s):
        for do, slot in done(slots.decide(1, second)):
            found.append((second, do, slot))
            if (do, slot) == (Do.START, 0):
                slots.exited(0, 70, second)
            else:
                slots.ready(slot, second)
        slots.beat(1, second)
    return found


def test_a_pause_is_not_forgotten_when_fewer_are_wanted_for_a_while():
    slots = served(1)
    slots.exited(0, 70, 1.0)
    slots.decide(0, 1.1)
    assert slots.all[0].state is SlotState.EMPTY

    assert done(slots.decide(1, 1.2)) == []


def test_a_worker_that_someone_else_drained_is_replaced():
    slots = served(1)
    slots.leaving(0, 1.0)
    assert done(slots.decide(1, 2.0)) == [(Do.START, 1)]

    assert slots.exited(0, 0, 3.0).cause is Cause.EXITED


# Exit codes that cannot get better


@pytest.mark.parametrize("code", [64, 65, 77, 78])
def test_a_hopeless_code_ends_a_supervisor_of_which_nobody_ever_served(code):
    slots = make()
    slots.decide(1, 0.0)
    slots.exited(0, code, 1.0)

    assert slots.hopeless == code


def test_a_hopeless_slot_stays_closed_while_others_serve():
    slots = served(1)
    slots.decide(2, 1.0)
    slots.exited(1, 65, 2.0)

    assert slots.hopeless is None
    assert done(slots.decide(2, 2.0)) == [(Do.START, 2)]
    slots.exited(2, 65, 3.0)
    assert watched(slots, 2, 500, since_s=3) == []
    assert slots.all[1].state is SlotState.CLOSED


def test_nobody_is_given_up_while_another_may_still_come_up():
    slots = make()
    slots.decide(2, 0.0)
    slots.exited(1, 65, 1.0)
    assert slots.hopeless is None

    slots.exited(0, 65, 1.0)
    assert slots.hopeless == 65


def test_a_supervisor_without_any_open_slot_ends():
    slots = served(1, most=1)
    slots.renew(1, PATIENCE)
    slots.exited(0, -9, 10.0)
    assert done(slots.decide(1, 20.0)) == [(Do.START, 0)]
    slots.exited(0, 78, 21.0)

    assert slots.hopeless == 78


@pytest.mark.parametrize("code", [65, 77, 78])
def test_a_slot_that_served_with_these_settings_is_tried_again(code):
    slots = served(1, most=1)
    slots.exited(0, -9, 10.0)
    slots.decide(1, 20.0)

    end = slots.exited(0, code, 21.0)

    assert end.pause_s > 0
    assert slots.hopeless is None
    assert done(slots.decide(1, 21.0 + end.pause_s)) == [(Do.START, 0)]


def test_new_settings_open_closed_slots():
    slots = served(1)
    slots.decide(2, 1.0)
    slots.exited(1, 65, 2.0)

    slots.renew(3, PATIENCE)

    assert done(slots.decide(2, 3.0)) == [(Do.START, 1)]


# Silence


def test_a_silent_worker_is_aborted_and_then_killed():
    slots = served(2)

    assert watched(slots, 2, 37, silent={1}) == [
        (31, Do.ABORT, 1),
        (31, Do.START, 2),
        (37, Do.KILL, 1),
    ]
    assert slots.exited(1, -9, 38).cause is Cause.HUNG


def test_who_beats_lives():
    slots = served(2)

    assert watched(slots, 2, 1000) == []


def test_a_worker_that_does_not_become_ready_is_ended():
    slots = make(most=1)

    assert watched(slots, 1, 101) == [(0, Do.START, 0), (101, Do.ABORT, 0)]
    assert slots.exited(0, -6, 102).cause is Cause.UNREADY


def test_a_worker_may_ask_for_more_time_to_start():
    slots = make(most=1)
    slots.decide(1, 0.0)
    slots.extend(0, until_s=200.0)

    assert watched(slots, 1, 201) == [(201, Do.ABORT, 0)]


def test_a_worker_that_does_not_end_in_time_is_killed():
    slots = served(1)

    assert watched(slots, 0, 71) == [(0, Do.DRAIN, 0), (71, Do.KILL, 0)]
    assert slots.exited(0, -9, 72.0) == End(0, -9, Cause.ASKED, 0.0)


def test_time_in_which_the_supervisor_stood_still_counts_against_nobody():
    slots = served(1)
    slots.decide(1, 1.0)

    assert slots.decide(1, 500.0) == []
    assert slots.decide(1, 501.0) == []


# Other settings


def test_fewer_slots_drain_those_beyond():
    slots = served(3)

    slots.renew(1, PATIENCE)

    assert done(slots.decide(3, 1.0)) == [(Do.DRAIN, 2), (Do.DRAIN, 1)]


def test_more_slots_may_start():
    slots = served(1, most=1)

    slots.renew(2, PATIENCE)

    assert done(slots.decide(2, 1.0)) == [(Do.START, 1)]


def test_new_settings_alone_replace_nobody():
    slots = served(2)

    slots.renew(3, PATIENCE)

    assert slots.decide(2, 1.0) == []


def test_new_settings_end_pauses():
    slots = served(1)
    slots.exited(0, 70, 1.0)

    slots.renew(3, PATIENCE)

    assert done(slots.decide(1, 1.0)) == [(Do.START, 0)]


def test_a_worker_that_is_replaced_keeps_its_place_and_starts_without_a_pause():
    slots = served(2, most=2)
    slots.renew(2, PATIENCE)

    slots.replace(0)

    assert done(slots.decide(2, 1.0)) == [(Do.DRAIN, 0)]
    assert slots.working == 2
    assert done(slots.decide(2, 2.0)) == []
    slots.exited(0, 0, 3.0)
    assert done(slots.decide(2, 3.0)) == [(Do.START, 0)]
    slots.ready(0, 4.0)
    assert slots.decide(2, 5.0) == []
    assert slots.all[0].revision > slots.all[1].revision


def test_a_worker_that_is_replaced_may_be_one_too_many_meanwhile():
    slots = served(2)
    slots.renew(3, PATIENCE)
    slots.replace(1)
    slots.decide(2, 1.0)

    assert slots.decide(1, 2.0) == []
    slots.exited(1, 0, 3.0)
    assert slots.decide(1, 3.0) == []
    assert slots.all[1].state is SlotState.EMPTY


def test_a_replacement_that_fails_backs_off_as_any_other():
    slots = served(1, most=1)
    slots.renew(1, PATIENCE)
    slots.replace(0)
    slots.decide(1, 1.0)
    slots.exited(0, 0, 2.0)
    slots.decide(1, 2.0)

    assert slots.exited(0, 70, 3.0).pause_s == 1.0
    assert slots.all[0].failed_revision == slots.revision
    assert not slots.all[0].replacing
