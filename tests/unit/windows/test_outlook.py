"""What is to come of a lane's moments."""

from datetime import datetime
from zoneinfo import ZoneInfo

from config.settings import Lane
from daemon.windows.outlook import next_openings, outlook
from daemon.windows.schedule import Schedule

HOUR_S, DAY_S = 3_600, 86_400


def _ahead(*expressions, zone="Europe/Berlin", at="2026-11-27T17:40"):
    at_s = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).timestamp()
    return outlook(Schedule(expressions, zone), at_s)


def test_the_pauses_are_those_of_weeks():
    ahead = _ahead("*/15 8-17 * * mon-fri")

    assert (ahead.shortest_s, ahead.longest_s) == (900, 2 * DAY_S + 14.25 * HOUR_S)


def test_clocks_that_are_changed_make_a_pause_longer_or_shorter():
    ahead = _ahead("0 7 * * *")

    assert (ahead.shortest_s, ahead.longest_s) == (23 * HOUR_S, 25 * HOUR_S)


def test_the_pause_under_way_counts():
    assert _ahead("0 0 1 1 *", zone="UTC").longest_s == 365 * DAY_S


def test_the_next_moments_are_five():
    ahead = _ahead("*/10 * * * * *", zone="UTC")

    assert [later - ahead.next_s[0] for later in ahead.next_s] == [0, 10, 20, 30, 40]


def test_the_next_openings_are_those_of_each_topic_of_the_lanes_that_have_any():
    def lane(*topics, **clock):
        return Lane(topics=topics, models=["m"], **clock)

    lanes = {
        "documents": lane("a", "b", open=["*/15 * * * *", "10 * * * *"], zone="UTC"),
        "urgent": lane("c"),
    }

    assert next_openings(lanes, 900.0) == {("documents", "a"): 1_800, ("documents", "b"): 1_800}
    assert next_openings(lanes, 0.0)["documents", "a"] == 600


def test_a_leap_day_is_looked_for_however_far():
    assert len(_ahead("0 0 29 2 *").next_s) == 1
