"""Scenario files: what is wrong is named by its key."""

from pathlib import Path

import pytest

from loadtest.scenario.load import BadScenario, load, parse, shipped
from loadtest.scenario.quantities import Rate

FILE = Path("/tests/scenario.toml")
BASE = """
reply_topics = ["replies"]
[classes.a]
topic = "requests"
body = { jsonl = "bodies.jsonl", golden = "/elsewhere/answers.jsonl" }
"""


def test_a_scenario_is_read_with_its_units():
    scenario = parse(BASE + 'rate = "200/s"\nduration = "60s"\ntimeout = "2s"\nbad = "1%"', FILE)
    traffic = scenario.classes["a"]
    assert traffic.rate == Rate(200.0)
    assert (traffic.duration, traffic.timeout, traffic.bad) == (60.0, 2.0, 0.01)


def test_paths_are_relative_to_the_file():
    (body,) = parse(BASE + "backlog = 3", FILE).classes["a"].body
    assert body.jsonl == Path("/tests/bodies.jsonl")
    assert body.golden == Path("/elsewhere/answers.jsonl")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "classes.a: needs exactly one of rate, ramp, steps, trace, backlog, in_flight"),
        ('backlog = 3\nrate = "1/s"\nduration = "1s"', "classes.a: needs exactly one of"),
        ('rate = "1/s"', "classes.a: rate needs a duration"),
        ('backlog = 3\nduration = "1s"', "classes.a: backlog has its own duration"),
        ("backlog = 0", "classes.a.backlog: Input should be greater than or equal to 1"),
        ('rate = "fast"\nduration = "1s"', 'classes.a.rate: a rate is written like "200/s"'),
        ("backlog = 3\nspeedy = 1", "classes.a.speedy: there is no such key"),
        ('rate = "2x"\nduration = "1s"', "a rate such as 2x needs the section [capacity]"),
        ('backlog = 3\n[capacity]\nclass = "b"', "capacity.class: there is no class b"),
        ("backlog = 3\nbody = 1", "Cannot overwrite a value"),
    ],
)
def test_what_is_wrong_is_named(more, said):
    with pytest.raises(BadScenario) as raised:
        parse(BASE + more, FILE)
    assert said in str(raised.value)
    assert str(FILE) in str(raised.value)


def test_a_body_has_one_source():
    text = BASE.replace("jsonl =", 'npy = "x.npy", jsonl =')
    with pytest.raises(BadScenario, match="exactly one of folder, jsonl, npy, generate"):
        parse(text + "backlog = 3", FILE)


def test_a_missing_file_names_the_shipped_scenarios():
    with pytest.raises(BadScenario, match=r"no-such.toml cannot be read .* quickstart"):
        load("no-such.toml")


def test_the_promised_scenarios_ship():
    promised = {"backlog", "documents", "overload", "quickstart", "relay", "soak", "spike", "tiers"}
    assert promised <= set(shipped())


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_is_whole(name):
    scenario = load(name).scenario
    assert scenario.description
    assert scenario.targets
    assert scenario.embedded.config.exists()
