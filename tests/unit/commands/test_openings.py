"""What `check` says of lanes that open by the clock."""

from config.settings import Settings
from daemon.commands.openings import openings

MONDAY_S = 1_795_996_800.0  # 2026-11-30 00:00 UTC


def _found(*, wall_s=MONDAY_S, scaling=None, **lane):
    settings = Settings(
        kafka={"group": "g"},
        models={"m": {"path": "model.onnx"}},
        lanes={
            "documents": {"topics": ["documents"], "models": ["m"], "zone": "Europe/Berlin"} | lane,
            "urgent": {"topics": ["urgent"], "models": ["m"]},
        },
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
        scaling=scaling or {},
    )
    return list(openings(settings, wall_s))


def test_the_next_five_are_shown_in_the_zone_and_in_utc():
    (found,) = _found(open=["*/15 8-17 * * mon-fri", "0 * * * *"], wall_s=MONDAY_S + 6 * 3_600)

    assert found.subject == "lane documents"
    assert found.detail == (
        "opens next, by clocks of Europe/Berlin (UTC): Mon 30 Nov 08:00 (07:00), 08:15 (07:15),"
        " 08:30 (07:30), 08:45 (07:45), 09:00 (08:00)"
    )
    assert not found.warning


def test_days_are_shown_where_they_change_and_seconds_where_there_are_any():
    (nightly,) = _found(open=["0 22,23 * * *"])
    (often,) = _found(open=["*/30 * * * * *"], scaling={"start_time": 10.0})

    assert "Mon 30 Nov 22:00 (21:00), 23:00 (22:00), Tue 01 Dec 22:00 (21:00)" in nightly.detail
    assert "01:00:30 (00:00:30), 01:01:00 (00:01:00)" in often.detail


def test_a_timeout_that_no_request_can_meet_is_a_warning():
    nightly = {"open": ["0 22 * * *"]}

    assert not _found(**nightly, timeout=25 * 3_600.0)[0].warning
    (found,) = _found(**nightly, timeout=24 * 3_600.0)
    assert "lanes.documents.timeout (1d) is shorter than the longest pause" in found.warning
    assert "(25 h)" in found.warning


def test_openings_that_come_faster_than_workers_start_are_a_warning():
    (found,) = _found(open=["*/10 * * * * *"])

    assert "(10 s) is not longer than scaling.start_time (15s)" in found.warning


def test_workers_that_are_asked_for_before_the_last_have_ended_are_a_warning():
    quarters = {"open": ["*/15 * * * *"]}

    assert not _found(**quarters, early="14min")[0].warning
    (found,) = _found(**quarters, early="15min")
    assert "lanes.documents.early (15min) is not shorter than the shortest pause" in found.warning
    assert "(15 min)" in found.warning


MORNINGS = {"ready_by": ["30 7 * * mon-fri"]}


def test_when_a_lane_is_to_be_ready_is_shown_in_the_zone_and_in_utc():
    (found,) = _found(**MORNINGS, ready_margin=300.0, scaling={"service_rate": 1_200.0})

    assert found.detail == (
        "is to be ready, by clocks of Europe/Berlin (UTC): Mon 30 Nov 07:30 (06:30), Tue 01 Dec 07:30"
        " (06:30); opens for it 5min before, and earlier by what serving takes, of 1,200 records/s a worker"
        " (scaling.service_rate), or as was measured"
    )


def test_it_is_said_that_a_lane_opens_at_once_where_nothing_is_known_of_what_workers_serve():
    assert (
        "while nothing was (scaling.service_rate is not set), as soon as anything"
        in _found(**MORNINGS)[0].detail
    )


def test_scheduled_moments_and_times_are_told_one_after_the_other():
    (found,) = _found(**MORNINGS, open=["0 22 * * *"])

    assert "Mon 30 Nov 22:00 (21:00), Tue 01 Dec 22:00 (21:00)" in found.detail
    assert "07:29" not in found.detail
    assert (
        "; is to be ready, by clocks of Europe/Berlin (UTC): Mon 30 Nov 07:30 (06:30)"
        in found.detail
    )
