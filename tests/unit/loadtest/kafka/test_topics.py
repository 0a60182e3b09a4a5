import pytest

from loadtest.kafka.topics import Job, TopicsFailed, read

CONFIGURATION = """
[kafka]
bootstrap_servers = "broker:9093"
[lanes.standard]
topics = ["in", "more"]
[lanes.urgent]
topics = ["fast"]
[replies]
topic = "out"
[dead_letters]
topic = "out"
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tidemill.toml"


def test_every_topic_is_named_once(file):
    file.write_text(CONFIGURATION)

    assert read(file) == Job("broker:9093", ["in", "more", "fast", "out"])


def test_the_topics_on_which_others_hear_of_jobs_are_among_them(file):
    file.write_text(
        CONFIGURATION
        + """
[jobs]
topic = "jobs"
openlineage_topic = "lineage"
"""
    )

    assert read(file) == Job(
        "broker:9093", ["in", "more", "fast", "out", "jobs", "lineage"], topic_of_jobs="jobs"
    )


def test_run_events_are_heard_of_without_a_topic_of_jobs(file):
    file.write_text(CONFIGURATION + '[jobs]\nopenlineage_topic = "lineage"\n')

    assert read(file).topics[-1] == "lineage"
    assert read(file).topic_of_jobs is None


def test_the_daemon_s_default_is_the_default(file):
    file.write_text(CONFIGURATION.replace('bootstrap_servers = "broker:9093"', ""))

    assert read(file).bootstrap == "127.0.0.1:9092"


@pytest.mark.parametrize("text", ["", "lanes = 1", "[lanes]\nx = 2", "[lanes", None])
def test_what_is_no_configuration_is_refused_by_name(file, text):
    if text is not None:
        file.write_text(text)

    with pytest.raises(TopicsFailed, match=str(file)):
        read(file)
