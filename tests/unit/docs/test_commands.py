"""What pages tell a reader to type exists, with the options they give it."""

import re
import shlex

import pytest
import typer

from daemon.__main__ import app as tidemill
from loadtest.__main__ import app as load
from loadtest.command.typed_measurements import Bench
from tests.pages import PAGES, ROOT, code_lines, name

PROGRAMS = {
    "tidemill": typer.main.get_command(tidemill),
    "tidemill-load": typer.main.get_command(load),
}
TARGETS = set(
    re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)


SOURCES = sorted(
    file
    for room in ("clients", "config", "daemon", "deploy", "examples", "loadtest", "runtime")
    for file in (ROOT / room).rglob("*")
    if file.suffix in {".py", ".toml", ".yaml", ".sh", ".service"}
    and "pip install" in file.read_text(encoding="utf-8")
)


def lines(page):
    return code_lines(page.read_text(encoding="utf-8"))


def typed(page):
    """Return each command line of our programs as its program and its words."""
    for line in lines(page):
        found = re.match(r"(?:.*\| *|\.venv/bin/)?(tidemill(?:-load)?) ([a-z].*)", line)
        if found:
            yield found[1], shlex.split(re.split(r"[|>]", found[2])[0])


def problem(program, words):
    command = PROGRAMS[program]
    while words and (subcommands := getattr(command, "commands", {})):
        first, *words = words
        if first not in subcommands:
            return f"{program} has no {first}"
        command = subcommands[first]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = {word for word in words if word.startswith("-") and len(word) > 1} - known
    return f"{program} {command.name} has no {unknown}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page):
    problems = [problem(program, words) for program, words in typed(page)]

    assert [each for each in problems if each] == []


@pytest.mark.parametrize("page", [*PAGES, *SOURCES], ids=name)
def test_nobody_is_told_to_install_what_is_in_no_index(page):
    """The distribution is not published: it is installed from a checkout or a wheel."""
    told = re.findall(r"pip install [^\n`]*", page.read_text(encoding="utf-8"))
    wanted = [word.strip("\"'") for line in told for word in line.split()[2:]]

    assert [
        word for word in wanted if re.fullmatch(r"tidemill(-client)?(\[.*\])?([=<>~].*)?", word)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_benches_exist(page):
    named = {
        word
        for program, words in typed(page)
        if program == "tidemill-load" and words[0] == "bench"
        for word in words[1:]
        if word.isalpha()
    }

    assert named <= {each.value for each in Bench}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_exist(page):
    named = [found[1].split() for line in lines(page) if (found := re.match(r"make ([^|]+)", line))]
    words = {word for words in named for word in words if "=" not in word}

    assert words <= TARGETS


def test_the_readme_s_quick_start_is_read():
    """The tests above would also pass if they found nothing."""
    found = {(program, words[0]) for program, words in typed(ROOT / "README.md")}

    assert found >= {
        ("tidemill-load", "broker"),
        ("tidemill-load", "topics"),
        ("tidemill-load", "bench"),
        ("tidemill", "check"),
        ("tidemill", "run"),
    }
