"""How topics are judged for what they are used for."""

from math import inf

import pytest

from config.settings import Jobs, Settings
from daemon.kafka.broker_clock import Difference
from daemon.kafka.looking.cluster import Topic
from daemon.kafka.looking.fitness import judge
from daemon.kafka.looking.preflight import judge_clock
from daemon.values.errors import Exit

SETTINGS = Settings(
    kafka={"group": "g"},
    models={"m": {"path": "model.onnx"}},
    lanes={"l": {"topics": ["requests"], "models": ["m"]}},
    replies={"topic": "replies", "allow": ["others", "many.*"]},
    dead_letters={"topic": "dead"},
)
WALL_S = 1_795_996_800.0
GOOD = Topic(4, may_read=True, may_write=True, largest_bytes=2**20, compacted=False)


def _judged(**changed):
    topics = {"requests": GOOD, "replies": GOOD, "others": GOOD, "dead": GOOD} | changed
    return {check.subject: check for check in judge(SETTINGS, topics, wall_s=WALL_S)}


def test_every_topic_of_the_settings_is_looked_at_but_no_prefix():
    assert list(_judged()) == ["topic requests", "topic replies", "topic others", "topic dead"]


def test_requests_that_are_results_of_another_lane_are_read_and_written():
    lanes = {
        "detect": {"topics": ["requests"], "models": ["m"], "then": "read"},
        "read": {"topics": ["boxes"], "models": ["m"]},
    }
    chosen = Settings.model_validate(SETTINGS.model_dump(exclude_unset=True) | {"lanes": lanes})
    topics = dict.fromkeys(["requests", "replies", "others", "dead"], GOOD)
    topics["boxes"] = GOOD._replace(may_write=False)

    checks = judge(chosen, topics, wall_s=WALL_S)

    told = [(check.subject, check.code) for check in checks if check.subject == "topic boxes"]
    assert told == [("topic boxes", Exit.CLEAN), ("topic boxes", Exit.DENIED)]
    assert sum(check.partitions for check in checks) == 8

    topics["boxes"] = None

    missing = judge(chosen, topics, wall_s=WALL_S)

    assert [check.subject for check in missing if check.problem] == ["topic boxes"]


def test_good_topics_are_no_problem():
    assert [check.problem for check in _judged().values()] == [""] * 4


@pytest.mark.parametrize(
    ("name", "topic", "code"),
    [
        ("requests", None, Exit.SETTINGS),
        ("requests", GOOD._replace(may_read=False), Exit.DENIED),
        ("replies", None, Exit.SETTINGS),
        ("replies", GOOD._replace(may_write=False), Exit.DENIED),
        ("replies", GOOD._replace(largest_bytes=100_000), Exit.SETTINGS),
        ("replies", GOOD._replace(compacted=True), Exit.SETTINGS),
        ("dead", GOOD._replace(largest_bytes=100_000), Exit.SETTINGS),
    ],
)
def test_a_topic_that_cannot_be_used_is_a_problem_with_the_code_run_would_end_with(
    name, topic, code
):
    check = _judged(**{name: topic})[f"topic {name}"]

    assert check.problem
    assert check.code is code


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("requests", GOOD._replace(may_write=False)),
        ("requests", GOOD._replace(compacted=True, largest_bytes=1)),
        ("replies", GOOD._replace(may_read=False)),
        ("replies", GOOD._replace(largest_bytes=None, compacted=None)),
    ],
)
def test_what_a_topic_is_not_used_for_is_no_problem(name, topic):
    assert not _judged(**{name: topic})[f"topic {name}"].problem


@pytest.mark.parametrize("ahead_s", [3_599.0, 0.0, -1e6])
def test_a_clock_that_every_topic_of_answers_takes_is_told_and_no_problem(ahead_s):
    topic = GOOD._replace(most_ahead_s=3_600.0, most_behind_s=inf)

    check = judge_clock(Difference(ahead_s, 0.01), [topic, None])

    assert not check.problem
    assert f"{abs(ahead_s):.1f} s" in check.detail


@pytest.mark.parametrize(
    ("ahead_s", "topic", "most"),
    [
        (3_601.0, GOOD._replace(most_ahead_s=3_600.0, most_behind_s=9e15), "3600 s ahead:"),
        (3_601.0, GOOD, "3600 s ahead:"),  # its settings may not be read
        (-301.0, GOOD._replace(most_behind_s=300.0), "300 s behind:"),
    ],
)
def test_a_clock_that_one_topic_of_answers_refuses_is_a_problem(ahead_s, topic, most):
    easy = GOOD._replace(most_ahead_s=inf, most_behind_s=inf)

    check = judge_clock(Difference(ahead_s, 0.01), [easy, topic])

    assert f"{abs(ahead_s):.1f} s" in check.problem
    assert f"takes records at most {most}" in check.problem
    assert check.code is Exit.INTERNAL


def test_a_clock_that_could_not_be_compared_is_said_to_be_so():
    check = judge_clock(None, [GOOD])

    assert not check.problem
    assert "not compared" in check.detail


@pytest.mark.parametrize(
    ("retention_s", "warns"),
    [(None, False), (inf, False), (4 * 3_600, False), (4 * 3_600 - 1, True)],
)
def test_requests_that_are_deleted_after_few_windows_are_a_warning(retention_s, warns):
    lane = SETTINGS.lanes["l"].model_copy(update={"open": ("0 * * * *",), "zone": "UTC"})
    settings = SETTINGS.model_copy(update={"lanes": {"l": lane}})
    topics = {"requests": GOOD._replace(retention_s=retention_s)}

    check, *_ = judge(settings, topics, wall_s=WALL_S)

    assert not check.problem
    assert bool(check.warning) is warns
    assert not warns or "raise it to 14400000" in check.warning
    assert not _judged(requests=GOOD._replace(retention_s=60))["topic requests"].warning


@pytest.mark.parametrize(
    ("topic", "warning"),
    [
        (GOOD._replace(compacted=True), ""),
        (GOOD._replace(compacted=None), ""),
        (GOOD._replace(compacted=True, may_write=False), ""),
        (GOOD, "cleanup.policy is not compact"),
        (GOOD._replace(compacted=True, may_read=False), "grant Read on it"),
        (None, "does not exist"),
    ],
    ids=["compacted", "may not be known", "not to be written", "kept", "not to be read", "absent"],
)
def test_the_topic_of_jobs_is_looked_at_and_never_keeps_a_worker_from_serving(topic, warning):
    settings = SETTINGS.model_copy(update={"jobs": Jobs(topic="jobs")})

    check = judge(settings, {"jobs": topic}, wall_s=WALL_S)[-1]

    assert (check.subject, check.problem) == ("topic jobs", "")
    assert warning in check.warning
    assert bool(warning) is bool(check.warning)


@pytest.mark.parametrize(
    ("topic", "told", "warning"),
    [
        (GOOD, "run events of OpenLineage", ""),
        (GOOD._replace(may_read=False), "run events of OpenLineage", ""),
        (GOOD._replace(may_write=False), "needs a login that may write", ""),
        (GOOD._replace(compacted=True), "", "cleanup.policy is compact"),
        (None, "", "does not exist"),
    ],
    ids=["good", "not to be read", "not to be written", "compacted", "absent"],
)
def test_the_topic_of_run_events_is_looked_at_too(topic, told, warning):
    settings = SETTINGS.model_copy(update={"jobs": Jobs(openlineage_topic="lineage")})

    check = judge(settings, {"lineage": topic}, wall_s=WALL_S)[-1]

    assert (check.subject, check.problem) == ("topic lineage", "")
    assert told in check.detail
    assert warning in check.warning
    assert bool(warning) is bool(check.warning)
