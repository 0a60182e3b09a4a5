"""What a report says of its run's scenario, deployment and machine."""

from pathlib import Path

import pytest

from loadtest.deployment.embedded import Stage
from loadtest.deployment.scrape import Identity
from loadtest.scenario.load import Loaded, load, parse
from loadtest.trial.provenance import provenance

SCENARIO = """
reply_topics = ["replies"]
[classes.a]
topic = "requests"
rate = "1/s"
duration = "1s"
body.generate.inputs = [{ shape = [1] }]
headers = { x-tenant = "acme", Authorization = HEADER }
"""


def told(loaded, *, embedded=False):
    served = Identity([{"model": "m", "digest": "1f"}], {"version": "1.2"})
    return provenance(
        loaded, Stage("kafka:9092", ""), served, targets=("max < 1s",), embedded=embedded
    )


def written(header):
    text = SCENARIO.replace("HEADER", header)
    return Loaded("s", parse(text, Path("s.toml")), Path(), text)


def test_it_says_what_answered_and_what_was_asked():
    said = told(written('"x"'))
    assert (said.brokers, said.metrics, said.further_targets) == (
        "kafka:9092", None, ["max < 1s"],
    )  # fmt: skip
    assert (said.daemon, said.models) == (
        {"version": "1.2"}, [{"model": "m", "digest": "1f"}],
    )  # fmt: skip


@pytest.mark.parametrize("embedded", [True, False])
def test_only_what_the_load_test_starts_has_the_versions_installed_here(embedded):
    said = told(load("quickstart"), embedded=embedded)
    assert ("kafka" in said.machine) is embedded
    assert (said.daemon_config or "").startswith("# A daemon" if embedded else "")
    assert {"python", "tidemill", "cores"} <= said.machine.keys()


def test_a_header_that_lets_somebody_in_is_withheld():
    said = told(written('"Bearer 31337"')).scenario_file
    assert "31337" not in said
    assert 'Authorization = "(withheld)"' in said
    assert 'x-tenant = "acme"' in said


def test_a_secret_written_with_escapes_withholds_the_whole_file():
    assert told(written(r'"Bearer \u0041"')).scenario_file.startswith("(withheld)")
