import pytest

from daemon.admission.reply_topics import ReplyTopics
from tests.unit.admission.door import settings


def topics(*allow):
    return ReplyTopics(settings(replies={"topic": "answers", "allow": list(allow)}))


def test_no_wish_is_the_default():
    assert topics().allowed(None) == "answers"


def test_default_may_be_named():
    assert topics().allowed(b"answers") == "answers"


def test_nothing_else_is_allowed_unless_said():
    assert topics().allowed(b"answers.more") is None


def test_exact_name_allows_only_itself():
    chosen = topics("mine")

    assert chosen.allowed(b"mine") == "mine"
    assert chosen.allowed(b"mine.too") is None
    assert chosen.allowed(b"min") is None


def test_star_allows_what_begins_alike():
    chosen = topics("team.*")

    assert chosen.allowed(b"team.a") == "team.a"
    assert chosen.allowed(b"team") is None
    assert chosen.allowed(b"x.team.a") is None


@pytest.mark.parametrize(
    "name", [b"bad.rows", b"bad.ids", b"bad.dead", b"__consumer_offsets", b"__x"]
)
def test_inputs_dead_letters_and_internal_topics_are_never_allowed(name):
    assert topics("*").allowed(name) is None


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a b", b"a/b", b"a\n", b"\xff", b"x" * 250])
def test_what_is_no_topic_name_is_denied(name):
    assert topics("*").allowed(name) is None


def test_longest_topic_name_is_allowed():
    assert topics("*").allowed(b"x" * 249) == "x" * 249


def test_decisions_are_the_same_when_asked_again():
    chosen = topics("team.*")

    for _ in range(3):
        assert chosen.allowed(b"team.a") == "team.a"
        assert chosen.allowed(b"other") is None


def test_memory_of_decisions_is_bounded():
    chosen = topics("team.*")

    for number in range(5_000):
        assert chosen.allowed(b"team.%d" % number) == f"team.{number}"
        assert chosen.allowed(b"junk.%d" % number) is None

    assert len(chosen._decided) <= 1_024
