"""What is left out of a fetch is what the broker knows already."""

from types import SimpleNamespace

import pytest
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v6, FetchRequest_v11
from hypothesis import given
from hypothesis import strategies as st

from daemon.kafka.reading.fetch_sessions import FetchSession

MOST_BYTES = 1_000
NOT_FOUND, BAD_EPOCH = 70, 71


def _fetch(**positions):
    """A fetch as aiokafka makes it: t0=5 is partition 0 of topic t from offset 5 on."""
    topics = {}
    for name, offset in positions.items():
        topics.setdefault(name[0], []).append((int(name[1:]), offset, MOST_BYTES))
    return FetchRequest(500, 1, 8_000, 1, list(topics.items()), rack_id="r")


def _named(request):
    return {
        f"{topic}{number}": offset
        for topic, partitions in request.topics
        for number, offset, _ in partitions
    }


class FakeBroker:
    """Keeps one session as Kafka does, and shows what it would fetch."""

    def __init__(self, *, version=11, places=1):
        self.version = version
        self._places = places
        self._id, self._ids, self._epoch = 0, 0, 0
        self.fetched = {}

    def answer(self, asked, *brought):
        """Return what it answers, with records of the partitions that are `brought`."""
        built = asked.build(FetchRequest_v11 if self.version >= 7 else FetchRequest_v6)
        if self.version >= 7 and built.session_epoch > 0:
            if built.session_id != self._id:
                return self._response(0, error=NOT_FOUND)
            if built.session_epoch != self._epoch:
                return self._response(0, error=BAD_EPOCH)
            self.fetched.update(_named(asked))
            for topic, numbers in built.forgotten_topics_data:
                for number in numbers:
                    del self.fetched[f"{topic}{number}"]
        else:
            self.fetched = _named(asked)
            self._id = 0
            if self._places:
                self._ids += 1
                self._id = self._ids
            self._epoch = 0
        self._epoch += 1
        return self._response(self._id, brought)

    def forget(self):
        """Lose all sessions, as a broker that starts anew does."""
        self._id = 0

    def _response(self, session, brought=(), error=0):
        partitions = [(name[0], [(int(name[1:]), 0, 9, 9, 0, [], -1, b"r")]) for name in brought]
        response = SimpleNamespace(API_VERSION=self.version, error_code=error, topics=partitions)
        if self.version >= 7:
            response.session_id = session
        return response


@pytest.fixture
def session():
    return FetchSession()


@pytest.fixture
def broker():
    return FakeBroker()


def _exchange(session, broker, *brought, **positions):
    asked = session.ask(_fetch(**positions))
    session.answered(broker.answer(asked, *brought))
    return asked


def test_the_first_fetch_names_everything_and_the_next_nothing(session, broker):
    first = _exchange(session, broker, t0=5, t1=0, u0=7)
    second = _exchange(session, broker, t0=5, t1=0, u0=7)

    assert _named(first) == {"t0": 5, "t1": 0, "u0": 7}
    assert _named(second) == {}
    assert broker.fetched == {"t0": 5, "t1": 0, "u0": 7}


def test_what_was_read_on_is_named_and_what_lies_unread_is_left_out(session, broker):
    _exchange(session, broker, "t0", "t1", t0=5, t1=0, u0=7)
    asked = _exchange(session, broker, t0=6, u0=7)

    assert _named(asked) == {"t0": 6}
    assert broker.fetched == {"t0": 6, "u0": 7}


def test_a_place_in_a_log_that_was_sought_is_told_as_new(session, broker):
    """The broker tells of an end that has not moved only to a new session."""
    _exchange(session, broker, "t1", t0=5, t1=0)
    asked = _exchange(session, broker, t0=2, t1=1)

    assert _named(asked) == {"t0": 2, "t1": 1}
    assert asked.epoch == 0


@pytest.mark.parametrize("lost", ["answer", "session"])
def test_after_a_loss_everything_is_named_again(session, broker, lost):
    _exchange(session, broker, t0=5, t1=0)
    if lost == "answer":
        session.ask(_fetch(t0=5, t1=0))
        session.end()
    else:
        broker.forget()
        _exchange(session, broker, t0=5, t1=0)

    assert _named(_exchange(session, broker, t0=5, t1=0)) == {"t0": 5, "t1": 0}
    assert _named(_exchange(session, broker, t0=5, t1=0)) == {}


@pytest.mark.parametrize("broker", [FakeBroker(places=0), FakeBroker(version=6)])
def test_without_a_session_every_fetch_names_everything(session, broker):
    for _ in range(3):
        assert _named(_exchange(session, broker, t0=5, t1=0)) == {"t0": 5, "t1": 0}


def test_all_else_is_asked_as_the_client_does(session, broker):
    whole = _fetch(t0=5).build(FetchRequest_v11)
    asked = session.ask(_fetch(t0=5)).build(FetchRequest_v11)

    asked.session_epoch = whole.session_epoch
    assert asked == whole


_NAMES = ["t0", "t1", "u0"]
_FETCHES = st.tuples(
    st.dictionaries(st.sampled_from(_NAMES), st.integers(0, 3)),
    st.sets(st.sampled_from(_NAMES)),
    st.sampled_from(["answered", "answered", "lost", "cut", "forgotten"]),
)


@given(st.lists(_FETCHES, max_size=12))
def test_the_broker_fetches_what_the_client_wants_whatever_was_lost_before(fetches):
    session, broker = FetchSession(), FakeBroker()
    for positions, brought, end in fetches:
        asked = session.ask(_fetch(**positions))
        if end == "cut":  # it never arrives
            session.end()
            continue
        response = broker.answer(asked, *brought & positions.keys())
        if not response.error_code:
            assert broker.fetched == positions
        if end == "lost":
            session.end()
            continue
        session.answered(response)
        if end == "forgotten":
            broker.forget()
    session.answered(broker.answer(session.ask(_fetch(t0=1))))
    session.answered(broker.answer(session.ask(_fetch(t0=1))))
    assert broker.fetched == {"t0": 1}
