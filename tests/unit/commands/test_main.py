import json
import subprocess
import sys

import pytest

from daemon.__main__ import main
from daemon.values.errors import Exit

COMMANDS = [
    ["run"],
    ["check"],
    ["try"],
    ["schema"],
    ["asyncapi"],
    ["ask"],
    ["dead-letters", "list"],
]


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch):
    monkeypatch.delenv("TIDEMILL_CONFIG", raising=False)


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_is_there_and_gives_an_example(command, capsys):
    assert main([*command, "--help"]) == 0

    assert "• tidemill" in capsys.readouterr().out


@pytest.mark.parametrize(
    "typed",
    [["frobnicate"], ["run", "--nope"], ["ask"], ["try"], ["dead-letters", "list", "-n", "0"]],
    ids=" ".join,
)
def test_a_slip_in_typing_is_one_line_and_exit_64(typed, capsys):
    assert main(typed) == Exit.USAGE

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tidemill: ")
    assert captured.err.count("\n") == 1
    assert "--help" in captured.err


@pytest.mark.parametrize("typed", [[], ["dead-letters"]], ids=" ".join)
def test_no_command_shows_the_help_and_is_exit_64(typed, capsys):
    assert main(typed) == Exit.USAGE

    assert "Usage: tidemill" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["run"], ["dead-letters", "list"]], ids=" ".join)
def test_settings_that_cannot_be_used_are_exit_78_with_a_line_each(command, capfd):
    assert main([*command, "--set", "kafka.grup=x"]) == Exit.SETTINGS

    lines = capfd.readouterr().err.splitlines()
    assert all(line.startswith("tidemill: ") for line in lines)
    assert any("kafka.grup" in line and "kafka.group" in line for line in lines)


def test_a_broker_that_is_not_there_is_exit_69_without_a_traceback(configuration, capsys):
    code = main(["dead-letters", "list", "-c", str(configuration)])

    assert code == Exit.BROKER_UNAVAILABLE
    assert "Traceback" not in capsys.readouterr().err


def test_the_version_is_shown(capsys):
    assert main(["--version"]) == 0

    assert capsys.readouterr().out[0].isdigit()


def test_the_schema_is_json(capsys):
    assert main(["schema"]) == 0

    assert json.loads(capsys.readouterr().out)["title"] == "Tidemill configuration"


@pytest.mark.parametrize("typed", ["--help", "schema"])
def test_help_and_schema_load_neither_models_nor_kafka(typed):
    script = (
        "import sys; from daemon.__main__ import main; main([sys.argv[1]]); "
        "heavy = {'numpy', 'onnxruntime', 'aiokafka', 'aiohttp'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, typed], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert done.returncode == 0


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "--version"], capture_output=True, check=False
    )

    assert done.returncode == 0


def _typed(*words, python=()):
    return subprocess.run(
        [sys.executable, *python, "-m", "daemon", *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "typed",
    ["--help", "run --help", "dead-letters list --help", "schema", "check --set kafka.grup=x"],
)
def test_nothing_that_is_said_comes_from_docstrings(typed):
    with_them, without = (_typed(*typed.split(), python=flags) for flags in ((), ("-OO",)))

    assert with_them.stdout
    assert (without.stdout, without.stderr) == (with_them.stdout, with_them.stderr)
    assert without.returncode == with_them.returncode


def test_check_loads_a_model_without_docstrings(configuration):
    done = _typed("check", "--offline", "-c", str(configuration), python=("-OO",))

    assert "ok       model mlp" in done.stdout
    assert done.returncode == 0
