"""Jobs under way as the page shows them."""

import json

import msgspec
import pytest

from daemon.jobs.last_words import JobsHeard
from daemon.telemetry.status.job_rows import job_rows
from tests import shown
from tests.shown import Shown

BEGAN_S = 1_764_500_400.0
"""2025-11-30T11:00:00+00:00"""


def word(**changed):
    (gets_on, *_) = shown.with_jobs().jobs.words
    return msgspec.structs.replace(gets_on, **changed)


def row(wall_s=BEGAN_S, **changed):
    (row,) = job_rows(JobsHeard([word(**changed)]), wall_s)
    return row


def test_a_job_shows_its_counts_and_how_old_the_word_is():
    seen = row(as_of="2025-11-30T10:59:20+00:00", ended={"ok": 5, "error": 2, "expired": 1})

    assert (seen.ended, seen.failed, seen.age_s) == (8, 3, 40.0)


@pytest.mark.parametrize(
    ("deadline", "remaining_s", "late"),
    [
        (None, (9_000.0, 9_900.0), False),
        ("2025-11-30T12:00:00+00:00", (3_000.0, 9_900.0), False),
        ("2025-11-30T12:00:00+00:00", (3_601.0, 9_900.0), True),
        ("2025-11-30T12:00:00+00:00", None, False),
        ("2025-11-30T10:59:59+00:00", None, True),
    ],
)
def test_a_job_is_late_when_even_the_faster_pace_does_not_reach_its_deadline(
    deadline, remaining_s, late
):
    assert row(deadline=deadline, remaining_s=remaining_s).late is late


def test_moments_that_are_none_are_unknown():
    seen = row(as_of="yesterday", deadline="2025-11-30T12:00:00")

    assert (seen.age_s, seen.deadline_s) == (None, BEGAN_S + 3_600)


def test_the_document_tells_nobody_says_from_none_is_under_way():
    page = Shown()
    told = []
    for jobs in (None, JobsHeard(None, trouble="denied"), JobsHeard([]), JobsHeard([word()], 1)):
        page.jobs = jobs
        told.append(json.loads(msgspec.json.encode(page.status.document()))["jobs"])

    assert told[:3] == [
        None,
        {"known": False, "trouble": "denied", "more": 0, "under_way": []},
        {"known": True, "trouble": "", "more": 0, "under_way": []},
    ]
    assert told[3]["more"] == 1
    assert told[3]["under_way"][0]["remaining_s"] == [1_900.0, 2_400.0]
