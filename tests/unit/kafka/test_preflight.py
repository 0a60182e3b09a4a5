"""How topics are judged for what they are used for."""

import pytest

from config.settings import Settings
from daemon.kafka.looking.cluster import Topic
from daemon.kafka.looking.preflight import judge
from daemon.values.errors import Exit

SETTINGS = Settings(
    kafka={"group": "g"},
    models={"m": {"path": "model.onnx"}},
    lanes={"l": {"topics": ["requests"], "models": ["m"]}},
    replies={"topic": "replies", "allow": ["others", "many.*"]},
    dead_letters={"topic": "dead"},
)
GOOD = Topic(4, may_read=True, may_write=True, largest_bytes=2**20, compacted=False)


def _judged(**changed):
    topics = {"requests": GOOD, "replies": GOOD, "others": GOOD, "dead": GOOD} | changed
    return {check.subject: check for check in judge(SETTINGS, topics)}


def test_every_topic_of_the_settings_is_looked_at_but_no_prefix():
    assert list(_judged()) == ["topic requests", "topic replies", "topic others", "topic dead"]


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
