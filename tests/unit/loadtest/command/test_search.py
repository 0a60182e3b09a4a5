"""The command line `search`: what makes no sense is said before anything starts."""

from pathlib import Path

import pytest

from loadtest.command.search import SearchOptions, find

STEADY = """
reply_topics = ["replies"]
[classes.a]
topic = "requests"
rate = "1/s"
duration = "1s"
body.generate.inputs = [{ shape = [1] }]
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(STEADY)
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"targets": ()}, "there is no target"),
        ({"targets": ("throughput >= 5/s",)}, "a higher rate meets it sooner"),
        ({"start": "50"}, "a rate is written like"),
        ({"start": "2x"}, "2x needs to know the capacity"),
        ({"precision": "0%"}, "--precision"),
        ({"precision": "100%"}, "--precision"),
        ({"step": "10"}, "a duration has a unit"),
        ({"at_most": "soon"}, "a duration has a unit"),
        ({"history": Path("/no/where.json")}, "there is no folder /no"),
        ({"json": Path("/no/where.json")}, "there is no folder /no"),
    ],
)
def test_a_search_that_makes_no_sense_is_a_usage_error(options, said, scenario, capsys):
    assert find(SearchOptions(str(scenario), **{"targets": ("max < 1s",), **options})) == 2
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "shape", ['rate = "2x"\nduration = "1s"', "backlog = 5", 'rate = "0/s"\nduration = "1s"']
)
def test_only_steady_rates_can_be_scaled(shape, scenario, capsys):
    text = STEADY.replace('rate = "1/s"\nduration = "1s"', shape)
    scenario.write_text(text + '[capacity]\nclass = "a"\n')
    assert find(SearchOptions(str(scenario), ("max < 1s",))) == 2
    assert "a search takes steady rates" in " ".join(capsys.readouterr().out.split())
