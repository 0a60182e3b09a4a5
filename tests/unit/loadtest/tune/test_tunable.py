"""What `tune` may be given."""

import pytest

from loadtest.scenario.load import BadScenario
from loadtest.tune.deployed import overrides
from loadtest.tune.service import Setting
from loadtest.tune.tunable import tunable

_CONFIG = """
[kafka]
bootstrap_servers = "broker:1"
[lanes.standard]
topics = ["documents"]
models = ["m"]
[lanes.urgent]
topics = ["documents.urgent"]
models = ["m"]
[replies]
topic = "documents.replies"
[dead_letters]
topic = "documents.dead"
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tidemill.toml"
    path.write_text(_CONFIG)
    return path


@pytest.fixture
def bodies(tmp_path):
    folder = tmp_path / "bodies"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    return folder


def test_a_configuration_gives_topics_broker_and_daemon(config, bodies):
    given = tunable(str(config), bodies, "urgent")
    assert given.lane.name == "urgent"
    assert given.scenario.classes[given.traffic].topic == "documents.urgent"
    assert given.scenario.bootstrap_servers == "broker:1"
    assert given.scenario.reply_topics == ("documents.replies",)
    assert given.scenario.embedded.config == config


@pytest.mark.parametrize(("suffix", "key"), [(".jsonl", "jsonl"), (".npy", "npy"), ("", "folder")])
def test_bodies_are_read_by_their_suffix(config, tmp_path, suffix, key):
    path = tmp_path / f"requests{suffix}"
    given = tunable(str(config), path, "urgent")
    assert getattr(given.scenario.classes["all"].body[0], key) == path


def test_a_configuration_without_bodies_is_refused(config):
    with pytest.raises(BadScenario, match="--bodies"):
        tunable(str(config), None, "urgent")


@pytest.mark.parametrize(("lane", "told"), [("", "standard or urgent"), ("other", "no requests")])
def test_a_lane_must_be_one(config, bodies, lane, told):
    with pytest.raises(BadScenario, match=told):
        tunable(str(config), bodies, lane)


def test_a_scenario_offers_the_class_whose_topic_the_lane_reads():
    given = tunable("tiers", None, "standard")
    assert given.scenario.classes[given.traffic].topic == "work"


def test_a_scenario_with_one_lane_needs_no_name():
    assert tunable("relay", None, "").lane.name == "rows"


def test_a_scenario_has_its_own_bodies(bodies):
    with pytest.raises(BadScenario, match="its own"):
        tunable("relay", bodies, "")


def test_the_daemon_is_given_n_and_t_alone():
    assert overrides("rows", Setting(32, 0.0355)) == {
        "lanes.rows.max_rows": "32",
        "lanes.rows.linger": "35500us",
        "lanes.rows.eager": "false",
    }
