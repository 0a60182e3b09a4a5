"""The union of several expressions."""

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from daemon.windows.schedule import Schedule

BERLIN = ZoneInfo("Europe/Berlin")
WINDOWS = ["*/15 8-17 * * mon-fri", "0 * * * *"]


def _at_s(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def _shown(moments_s):
    return [datetime.fromtimestamp(each, BERLIN).strftime("%a %H:%M") for each in moments_s]


def test_what_several_expressions_name_is_one_moment():
    schedule = Schedule(WINDOWS, "Europe/Berlin")

    assert _shown(islice(schedule.following(_at_s("2026-11-27T06:30")), 6)) == [
        "Fri 07:00",
        "Fri 08:00",
        "Fri 08:15",
        "Fri 08:30",
        "Fri 08:45",
        "Fri 09:00",
    ]
    assert _shown(islice(schedule.following(_at_s("2026-11-27T17:30")), 3)) == [
        "Fri 17:45",
        "Fri 18:00",
        "Fri 19:00",
    ]


def test_the_last_moment_is_the_last_of_any_expression():
    schedule = Schedule(WINDOWS, "Europe/Berlin")

    assert _shown([schedule.up_to(_at_s("2026-11-28T12:10"))]) == ["Sat 12:00"]
    assert _shown([schedule.up_to(_at_s("2026-11-27T12:20"))]) == ["Fri 12:15"]


def test_the_zone_is_the_settings_and_not_the_machines():
    berlin, tokyo = (Schedule(["0 7 * * *"], zone) for zone in ("Europe/Berlin", "Asia/Tokyo"))
    midnight_s = datetime.fromisoformat("2026-11-27T00:00+00:00").timestamp()

    assert berlin.after(midnight_s) - midnight_s == 6 * 3_600
    assert tokyo.after(midnight_s) - midnight_s == 22 * 3_600
