"""Items by time, when times change."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.batching.agenda import Agenda


def test_the_earliest_comes_first():
    agenda = Agenda()
    agenda.put("later", 2.0)
    agenda.put("sooner", 1.0)

    assert agenda.first() == (1.0, "sooner")


def test_an_item_moves_with_its_time():
    agenda = Agenda()
    agenda.put("one", 1.0)
    agenda.put("two", 2.0)

    agenda.put("one", 3.0)

    assert agenda.first() == (2.0, "two")


def test_a_discarded_item_is_gone():
    agenda = Agenda()
    agenda.put("one", 1.0)

    agenda.discard(["one", "unknown"])

    assert agenda.first() is None
    assert len(agenda) == 0


def test_far_times_do_not_pile_up():
    agenda = Agenda()
    agenda.put("first", 0.0)

    for time in range(1000):
        agenda.put("far", 1e6 + time)

    assert len(agenda._heap) < 30


@given(
    st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 9))), max_size=100)
)
def test_an_agenda_agrees_with_a_dict(changes):
    agenda, times = Agenda(), {}
    for item, time in changes:
        if time is None:
            agenda.discard([item])
            times.pop(item, None)
        else:
            agenda.put(item, time)
            times[item] = time

        first = agenda.first()
        assert (first is None) == (not times)
        assert first is None or times[first[1]] == first[0] == min(times.values())
        assert set(agenda) == set(times)
