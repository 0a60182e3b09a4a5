import io
import json
import sys

import pytest

from config.load import load
from daemon.commands.one_shot import OneShotOptions, asked, one_shot, show
from daemon.one_shot.summary import RunOutcome, summary
from daemon.telemetry.metrics import Metrics
from daemon.values.errors import Exit, Fatal


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def told():
    metrics = Metrics()
    metrics.settled("l", "ok", 1_200, [0.1] * 1_200)
    metrics.settled("l", "invalid_json", 3, [0.1] * 3)
    outcome = RunOutcome(Exit.WORK_LEFT, "told to stop", due=1_300, left=97, lost=0, wall_s=2.5)
    return summary(outcome, metrics)


@pytest.fixture
def settings(configuration):
    return load(configuration, {}, ["log.form=text"]).settings


def ask(*, until_caught_up=True, max_duration="", as_json=False):
    return asked(until_caught_up=until_caught_up, max_duration=max_duration, as_json=as_json)


def test_without_the_switch_a_worker_has_no_end():
    assert ask(until_caught_up=False) is None


def test_a_longest_duration_is_written_with_a_unit():
    assert ask(max_duration="90s") == OneShotOptions(90.0, as_json=False)
    assert ask(max_duration="10min").longest_s == ask(max_duration="10m").longest_s == 600.0
    assert ask().longest_s is None


@pytest.mark.parametrize(
    "typed",
    [
        {"max_duration": "10"},
        {"max_duration": "0s"},
        {"max_duration": "10min", "until_caught_up": False},
        {"as_json": True, "until_caught_up": False},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(typed):
    with pytest.raises(Fatal) as failure:
        ask(**typed)

    assert failure.value.exit_code is Exit.USAGE


def test_the_summary_is_one_line_of_json_for_programs(told, capsys):
    show(told, ask())

    (line,) = capsys.readouterr().out.splitlines()
    shown = json.loads(line)
    assert shown["requests"] == 1_203
    assert shown["errors"] == {"invalid_json": 3}
    assert (shown["due"], shown["left"], shown["exit_code"]) == (1_300, 97, 75)
    assert shown["mean_fill"] is None


def test_the_summary_is_a_table_on_a_terminal(told, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)

    show(told, ask())

    rows = [line.rstrip().split(maxsplit=1) for line in screen.getvalue().splitlines()]
    assert ["requests", "1,203"] in rows
    assert ["errors", "invalid_json 3"] in rows
    assert ["mean_fill", "unknown"] in rows


def test_the_summary_is_json_on_a_terminal_too_when_asked_for(told, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)

    show(told, ask(as_json=True))

    assert json.loads(screen.getvalue())["requests"] == 1_203


def test_on_a_terminal_the_log_is_written_above_the_bar(settings, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)

    _, stream = one_shot(settings, ask())
    print("a line of the log", file=stream, flush=True)

    assert stream.isatty()
    assert "a line of the log" in screen.getvalue()


@pytest.mark.parametrize("form", ["json", "auto"])
def test_elsewhere_the_log_is_left_alone(configuration, monkeypatch, form):
    monkeypatch.setattr(sys, "stderr", Terminal() if form == "json" else io.StringIO())
    settings = load(configuration, {}, [f"log.form={form}"]).settings

    assert one_shot(settings, ask())[1] is None
