"""Another id while the last transaction of one is held up, and what is not sent to meanwhile."""

from aiokafka.structs import TopicPartition

from daemon.kafka.writing.transactional_ids import Transactional, TransactionalIds

FIRST = Transactional("g/slot-0", 8.0)
SECOND, THIRD = Transactional("g/slot-0/1", 8.0), Transactional("g/slot-0/2", 8.0)
ROTTEN, SOUND = TopicPartition("replies", 0), TopicPartition("replies", 1)


def test_an_id_is_kept_as_long_as_nothing_holds_it_up():
    ids = TransactionalIds(FIRST)

    ids.doubt([ROTTEN])

    assert ids.present == FIRST
    assert not ids.holds_up(ROTTEN)


def test_what_was_not_acknowledged_is_sent_nothing_while_it_may_hold_an_id_up():
    ids = TransactionalIds(FIRST)
    ids.doubt([ROTTEN])

    assert ids.hold_up() == FIRST

    assert ids.present == SECOND
    assert ids.holds_up(ROTTEN)
    assert not ids.holds_up(SOUND)


def test_it_is_sent_to_again_once_the_id_is_free_and_the_other_id_stays():
    """What is open under the present id is fenced by its own successor alone."""
    ids = TransactionalIds(FIRST)
    ids.doubt([ROTTEN])
    ids.hold_up()

    ids.free(FIRST)

    assert ids.present == SECOND
    assert not ids.holds_up(ROTTEN)


def test_ids_are_taken_in_turn_and_again_when_they_are_free():
    ids = TransactionalIds(FIRST)
    ids.hold_up()
    ids.hold_up()
    assert ids.present == THIRD

    ids.free(SECOND)
    ids.hold_up()

    assert ids.present == SECOND


def test_a_doubt_before_blames_nobody_for_the_next_id():
    ids = TransactionalIds(FIRST)
    ids.doubt([ROTTEN])
    ids.hold_up()
    ids.hold_up()

    ids.free(FIRST)

    assert not ids.holds_up(ROTTEN)
