"""The command lines `run` and `compare`: what makes no sense is said before anything starts."""

from pathlib import Path

import pytest

from loadtest.command.compare import compare
from loadtest.command.report import report
from loadtest.command.run import RunOptions, run
from loadtest.deployment.reach import Reach

SCENARIO = """
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
    path.write_text(SCENARIO)
    return str(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "there is no target"),
        ({"targets": ("p99 < 250",)}, "should be a duration"),
        ({"targets": ("p99[b] < 1s",)}, "there is no class b"),
        ({"targets": ("p99 < p99[b]",)}, "there is no class b"),
        ({"targets": ("wrong == 0",)}, "no right answers to compare with"),
        ({"targets": ("utilisation >= 90%",)}, "needs --metrics URL"),
        (
            {"targets": ("max < 1s",), "reach": Reach(embedded=True)},
            "the scenario has no section [embedded]",
        ),
        (
            {"targets": ("max < 1s",), "reach": Reach(metrics="http://x", embedded=True)},
            "brings its own",
        ),
        ({"targets": ("max < 1s",), "json": Path("/no/where.json")}, "there is no folder /no"),
        ({"targets": ("max < 1s",), "html": Path("/no/where.html")}, "there is no folder /no"),
        (
            {"targets": ("max < 1s",), "reach": Reach(metrics="localhost:9464")},
            "is no http:// address",
        ),
    ],
)
def test_a_run_that_makes_no_sense_is_a_usage_error(options, said, scenario, capsys):
    assert run(RunOptions(scenario, **options)) == 2
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_scenario_that_cannot_be_read_is_a_usage_error(capsys):
    assert run(RunOptions("nowhere.toml", ("max < 1s",))) == 2
    assert "nowhere.toml cannot be read" in " ".join(capsys.readouterr().out.split())


def test_a_body_that_is_missing_is_said_before_a_broker_is_asked(scenario, tmp_path, capsys):
    text = SCENARIO.replace("body.generate.inputs = [{ shape = [1] }]", 'body = { npy = "no.npy" }')
    (tmp_path / "scenario.toml").write_text(text)
    assert run(RunOptions(scenario, ("max < 1s",), Reach("127.0.0.1:1"))) == 2
    assert "no.npy" in capsys.readouterr().out


def test_a_page_of_no_report_is_a_usage_error(tmp_path, capsys):
    assert report(tmp_path / "a.json", tmp_path / "a.html") == 2
    assert "report:" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_nobody_can_draw_is_said_before_the_run(
    scenario, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("loadtest.command.run.can_draw", lambda: False)
    assert run(RunOptions(scenario, ("max < 1s",), html=tmp_path / "a.html")) == 2
    assert "--html: matplotlib: not installed" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("tolerance", ["5%", "5"])
def test_a_comparison_without_reports_is_a_usage_error(tolerance, tmp_path, capsys):
    assert compare(tmp_path / "a.json", tmp_path / "b.json", tolerance) == 2
    assert "compare:" in capsys.readouterr().out
