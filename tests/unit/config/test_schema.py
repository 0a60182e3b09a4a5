"""The JSON schema is fit for editors: units in defaults, no null, nothing unknown."""

import json
import re

from config.schema import schema
from config.settings import Settings
from tests.unit.config.sample import tables


def properties():
    made = schema()
    for name, section in made["$defs"].items():
        for setting, described in section["properties"].items():
            yield f"{name}.{setting}", described


def test_schema_is_json():
    assert json.loads(json.dumps(schema())) == schema()


def test_every_setting_is_described():
    assert all(described["description"] for _, described in properties())


def test_defaults_are_written_with_units():
    defaults = {name: described.get("default") for name, described in properties()}

    assert defaults["Kafka.session_timeout"] == "10s"
    assert defaults["Lane.max_bytes"] == "16MiB"
    assert defaults["Lane.max_rows"] == 64


def test_defaults_match_the_patterns_beside_them():
    for name, described in properties():
        if {"pattern", "default"} <= described.keys():
            assert re.search(described["pattern"], described["default"]), name


def test_patterns_are_whole():
    session = dict(properties())["Kafka.session_timeout"]["pattern"]

    assert re.search(session, "1.5s")
    assert not re.search(session, "1.5")
    assert not re.search(session, "about 10s")


def test_there_is_no_null_as_in_toml():
    assert '"null"' not in json.dumps(schema())
    assert not [name for name, described in properties() if described.get("default", 0) is None]


def test_unknown_keys_are_refused_everywhere():
    made = schema()

    assert made["additionalProperties"] is False
    assert made["properties"]["lanes"]["additionalProperties"] is False
    assert all(section["additionalProperties"] is False for section in made["$defs"].values())


def test_schema_knows_every_section():
    assert set(schema()["properties"]) == set(Settings.model_fields)
    assert set(tables({})) <= set(schema()["properties"])
