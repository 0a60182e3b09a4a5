"""The Airflow examples type what `tidemill run` understands; Airflow itself is not needed here."""

import ast
import shlex
from pathlib import Path

import pytest
import typer

from daemon.__main__ import app
from daemon.commands.one_shot import asked

FOLDER = Path(__file__).parents[3] / "examples" / "airflow"


def strings(name):
    """Return the texts of a file in their order."""
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return [node.value for node in nodes if isinstance(node.value, str)]


def words_of_the_shell():
    (command,) = [
        text for text in strings("tidemill_catch_up.py") if text.startswith("tidemill run")
    ]
    return shlex.split(command)[1:]


def words_of_the_pod():
    texts = strings("tidemill_catch_up_pod.py")
    first = texts.index("run")
    return texts[first : texts.index("TIDEMILL_CONFIG")]


@pytest.mark.parametrize("words", [words_of_the_shell, words_of_the_pod], ids=["shell", "pod"])
def test_the_command_is_one_of_ours(words):
    command, *options = words()

    context = typer.main.get_command(app).commands[command].make_context(command, options)

    typed = context.params
    options = asked(
        until_caught_up=typed["until_caught_up"],
        max_duration=typed["max_duration"],
        as_json=typed["as_json"],
    )
    assert options.longest_s == 3_000
    assert options.as_json
