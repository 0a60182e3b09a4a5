"""How long a start takes, as seen from outside."""

from daemon.scaling.start_time import StartTime


def seen(*looks):
    """`looks`: (members, wanted), one a second."""
    start = StartTime()
    for at_s, (members, wanted) in enumerate(looks):
        start.see(members, wanted, float(at_s))
    return start.measured_s


def test_it_is_measured_from_asking_until_somebody_is_there():
    assert seen((0, 0), (0, 1), (0, 1), (0, 4), (1, 4)) == 3


def test_nothing_is_known_before():
    assert seen((0, 0), (0, 1), (0, 1)) is None


def test_more_workers_beside_others_are_not_measured():
    assert seen((1, 1), (1, 4), (4, 4)) is None


def test_a_request_that_was_taken_back_begins_anew():
    assert seen((0, 1), (0, 0), (0, 1), (1, 1)) == 1


def test_a_look_at_which_members_are_unknown_changes_nothing():
    assert seen((0, 1), (None, 1), (1, 1)) == 2


def test_the_longest_of_the_last_five_counts():
    def starts(*times_s):
        return [look for took_s in times_s for look in [(0, 0), *[(0, 1)] * took_s, (1, 1)]]

    assert seen(*starts(9, 3, 2, 4, 2)) == 9
    assert seen(*starts(9, 3, 2, 4, 2, 3)) == 4
