"""Moments in a zone: what cron means on the days when clocks are changed, and on all others."""

import math
import re
import shutil
import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from daemon.windows.cron import Cron

# Every kind of change there is: by an hour, by half of one (Lord Howe), at midnight (Cairo, Santiago,
# Beirut, Asuncion), for Ramadan (Casablanca), none at all, and offsets that are no whole hours.
ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/Adak",
    "America/Asuncion",
    "America/Bogota",
    "America/Caracas",
    "America/Chicago",
    "America/Denver",
    "America/Godthab",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Phoenix",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Dhaka",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "UTC",
]
EXPRESSIONS = [
    "*/15 8-17 * * mon-fri",
    "0 * * * *",
    "30 2 * * *",
    "0 0 * * *",
    "30,45 0-3 * * *",
    "*/30 2 * * *",
    "*/20 0-2 * * *",
    "*/5 0 * * sun#1",
    "0 1 1 * *",
    "0 6 29 2 *",
    "0 18 L * *",
    "*/10 * * * * *",
    "30 59 1 * * *",
]
YEAR_2024_S = 1_704_067_200
YEAR_2034_S = 2_019_686_400

zones = st.sampled_from(ZONES)
expressions = st.sampled_from(EXPRESSIONS)
instants_s = st.integers(YEAR_2024_S, YEAR_2034_S)


def _cron(expression, zone="Europe/Berlin"):
    return Cron(expression, ZoneInfo(zone))


def _instant_s(text, zone="Europe/Berlin"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def _moments(expression, start, end, zone="Europe/Berlin"):
    """The moments in [start, end), as clocks show them."""
    cron, at_s, end_s = _cron(expression, zone), _instant_s(start, zone) - 1, _instant_s(end, zone)
    shown = []
    while (at_s := cron.after(at_s)) < end_s:
        shown.append(datetime.fromtimestamp(at_s, ZoneInfo(zone)).strftime("%d %H:%M%z"))
    return shown


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("30 2 * * *", ["29 03:00+0200"]),
        ("0,30 2 * * *", ["29 03:00+0200"]),
        ("*/30 2 * * *", []),
        ("*/30 1-3 * * *", ["29 01:00+0100", "29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]),
    ],
)
def test_where_clocks_skip_an_hour_a_time_of_day_comes_at_its_end_and_every_so_often_does_not(
    expression, shown
):
    assert _moments(expression, "2026-03-29T00:00", "2026-03-30T00:00") == shown


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("30 2 * * *", ["25 02:30+0200"]),
        ("*/30 2 * * *", ["25 02:00+0200", "25 02:30+0200", "25 02:00+0100", "25 02:30+0100"]),
        ("0 */1 * * *", ["25 01:00+0200", "25 02:00+0200", "25 02:00+0100", "25 03:00+0100"]),
        ("0 30 2 * * *", ["25 02:30+0200", "25 02:30+0100"]),
    ],
)
def test_where_clocks_repeat_an_hour_a_time_of_day_comes_once_and_every_so_often_goes_on(
    expression, shown
):
    assert _moments(expression, "2026-10-25T00:30", "2026-10-25T04:00") == shown


def test_while_clocks_show_an_hour_again_its_times_of_day_are_over():
    cron, again_s = _cron("30 2 * * *"), _instant_s("2026-10-25T02:10") + 3_600

    assert cron.after(again_s) == _instant_s("2026-10-26T02:30")
    assert cron.up_to(again_s) == _instant_s("2026-10-25T02:30")


def test_a_midnight_that_clocks_skip_comes_when_they_have_been_put_forward():
    day = ("2026-04-24T00:00", "2026-04-25T00:00", "Africa/Cairo")

    assert _moments("0 0 * * *", *day) == ["24 01:00+0300"]
    assert _moments("*/30 0 * * *", *day) == []


def test_days_of_month_and_of_week_are_either_or_as_in_cron():
    assert _moments("0 0 1 * mon", "2026-01-01T00:00", "2026-01-13T00:00") == [
        "01 00:00+0100",
        "05 00:00+0100",
        "12 00:00+0100",
    ]


def test_a_moment_is_not_after_itself_and_is_the_last_up_to_itself():
    cron, moment_s = _cron("*/10 * * * * *"), 1_800_000_000

    assert cron.after(moment_s) == moment_s + 10
    assert cron.after(moment_s - 0.5) == cron.up_to(moment_s + 9.9) == cron.up_to(moment_s)
    assert cron.up_to(moment_s) == moment_s


def test_a_day_that_never_comes_has_no_moment():
    cron = _cron("0 0 */29 2 mon#2")  # the first of February, if it is a second Monday

    assert cron.up_to(YEAR_2034_S) == -math.inf
    assert cron.after(YEAR_2034_S) == math.inf


@given(zones, instants_s, expressions)
def test_moments_ascend_and_backwards_are_the_same(zone, at_s, expression):
    _walk(_cron(expression, zone), at_s, moments=6)


@pytest.mark.parametrize("zone", ZONES)
def test_so_they_do_around_every_change_of_clocks_in_ten_years(zone):
    for change_s in _changes_s(zone):
        for expression in ("*/15 8-17 * * mon-fri", "30,45 0-3 * * *", "*/20 0-2 * * *"):
            _walk(_cron(expression, zone), change_s - 5_400, moments=12)


def _walk(cron, at_s, *, moments):
    forth_s = [at_s]
    for _ in range(moments):
        forth_s.append(cron.after(forth_s[-1]))
    back_s = [cron.up_to(forth_s[-1])]
    for _ in range(moments - 1):
        back_s.append(cron.up_to(back_s[-1] - 1))

    assert forth_s == sorted(set(forth_s))
    assert back_s[::-1] == forth_s[1:]
    assert cron.up_to(at_s) <= at_s
    assert cron.after(cron.up_to(at_s)) == forth_s[1]


def _changes_s(zone):
    """About when clocks are changed in `zone`, from 2024 to 2034; to the quarter of an hour."""
    tz = ZoneInfo(zone)

    def goes(at_s):
        return datetime.fromtimestamp(at_s, tz).utcoffset()

    for day_s in range(YEAR_2024_S, YEAR_2034_S, 86_400):
        if goes(day_s) != goes(day_s + 86_400):
            quarters_s = range(day_s, day_s + 86_400, 900)
            yield next(each for each in quarters_s if goes(each + 900) != goes(day_s)) + 900


_EVERY = {
    "0 * * * *": (range(24), [0]),
    "*/20 0-2 * * *": (range(3), [0, 20, 40]),
    "*/30 2 * * *": ([2], [0, 30]),
}


@pytest.mark.parametrize("zone", ZONES)
def test_every_so_often_is_whenever_clocks_show_it(zone):
    tz = ZoneInfo(zone)
    for change_s in [YEAR_2024_S, *_changes_s(zone)]:
        minutes_s = range(change_s - 10_800, change_s + 10_800, 60)
        shown = {at_s: datetime.fromtimestamp(at_s, tz) for at_s in minutes_s}
        for expression, (hours, minutes) in _EVERY.items():
            expected = [
                at_s for at_s, at in shown.items() if at.hour in hours and at.minute in minutes
            ]

            found, cron = [minutes_s[0] - 1], _cron(expression, zone)
            while (next_s := cron.after(found[-1])) <= minutes_s[-1]:
                found.append(next_s)

            assert found[1:] == expected


@pytest.mark.parametrize("zone", ZONES)
def test_a_time_of_day_comes_once_on_each_date(zone):
    tz, cron = ZoneInfo(zone), _cron("30 2 * * *", zone)
    for change_s in _changes_s(zone):
        at_s, dates = change_s - 86_400, []
        for _ in range(4):
            at_s = cron.after(at_s)
            dates.append(datetime.fromtimestamp(at_s, tz).date())

        assert dates == [dates[0] + timedelta(days=day) for day in range(4)]


@given(instants_s, expressions)
def test_where_clocks_are_changed_by_an_hour_at_night_it_is_what_cronsim_says(at_s, expression):
    tz = ZoneInfo("Europe/Berlin")
    start = datetime.fromtimestamp(at_s, tz)
    says = CronSim(expression, start)

    told_s = [at_s]
    for _ in range(5):
        told_s.append(_cron(expression).after(told_s[-1]))

    assert told_s[1:] == [next(says).timestamp() for _ in range(5)]


_CALENDARS = {
    "*/15 8-17 * * mon-fri": "Mon..Fri *-*-* 08..17:00/15:00",
    "0 6 29 2 *": "*-02-29 06:00:00",
    "*/10 * * * * *": "*-*-* *:*:00/10",
    "0 1 1 * *": "*-*-01 01:00:00",
}


@pytest.mark.parametrize("zone", ["America/Bogota", "Asia/Kathmandu", "Asia/Tokyo", "UTC"])
def test_where_clocks_are_never_changed_systemd_says_the_same(zone):
    """On the other days it goes ways of its own: it leaves out what clocks skip, and repeat."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    base = "2026-02-27 07:59:59 UTC"
    for expression, calendar in _CALENDARS.items():
        told = subprocess.run(
            [
                "systemd-analyze", "calendar", f"--base-time={base}", "--iterations=6",
                f"{calendar} {zone}",
            ],
            check=True, capture_output=True, text=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        ).stdout  # fmt: skip
        theirs_s = [
            datetime.fromisoformat(f"{found}+00:00").timestamp()
            for found in re.findall(r"(?:elapse|\d): \w{3} ([-\d]+ [:\d]+) UTC", told)
        ]

        ours_s = [_instant_s("2026-02-27T07:59:59", "UTC")]
        for _ in theirs_s:
            ours_s.append(_cron(expression, zone).after(ours_s[-1]))

        assert len(theirs_s) == 6
        assert ours_s[1:] == theirs_s
