"""The image is made of what there is, from locks, and needs neither root nor a shell."""

import json
import os
import re
import shlex
import subprocess
import tomllib

import pytest

from config.settings import Http
from tests.dockerfile import TEXT, arguments, defaults, health_check, stages
from tests.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
RUNS = [run for stage in stages() for run in [i.argument for i in stage if i.name == "RUN"]]


def copied():
    """Return what the first stage takes from this folder; wheels are there for some builds only."""
    words = [shlex.split(argument)[:-1] for argument in arguments("COPY", 1)]
    return [word for each in words for word in each if not word.startswith("wheels")]


def pins(lock):
    """Return the names and versions of a lock, markers cut."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w-]*==[\w.]+)", text, re.MULTILINE))


def installed(folder, chosen):
    """Do the installing step with a pip that only says what it is given."""
    (step,) = [run for run in RUNS if "${EXTRA}" in run]
    for name, does in {"tools/bin/pip": 'echo "$@"', "bin/python3": "exit 0"}.items():
        program = folder / name
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    path = {"PATH": f"{folder}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-c", step],
        cwd=folder,
        env=path | defaults() | chosen,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_has_two_stages_on_bases_that_a_build_can_choose():
    shared, *both = stages()

    assert {each.argument.partition("=")[0] for each in shared} == {"BASE", "BUILD_BASE"}
    assert [stage[0].argument for stage in both] == ["${BUILD_BASE} AS builder", "${BASE}"]


def test_the_image_runs_nothing_while_it_is_built():
    """So its base needs no shell."""
    assert arguments("RUN") == []


def test_the_image_takes_only_what_the_first_stage_made():
    copies = arguments("COPY")

    assert copies
    assert all(each.startswith("--from=builder ") for each in copies)


@pytest.mark.parametrize("instruction", ["ENTRYPOINT", "CMD"])
def test_no_shell_stands_between(instruction):
    (argument,) = arguments(instruction)

    assert all(isinstance(word, str) for word in json.loads(argument))


def test_the_entry_point_is_a_command_of_the_project():
    (argument,) = arguments("ENTRYPOINT")

    assert json.loads(argument)[0] in PROJECT["project"]["scripts"]


def test_its_user_is_not_root_and_a_number():
    """Kubernetes can tell only of a number that it is not root's."""
    (argument,) = arguments("USER")

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", argument)


def test_it_is_stopped_by_the_signal_that_drains():
    assert arguments("STOPSIGNAL") == ["SIGTERM"]


def test_the_health_check_asks_the_port_that_the_image_sets():
    (environment,) = arguments("ENV")

    assert f"TIDEMILL__HTTP__PORT={Http().port}" in environment.split()
    assert arguments("EXPOSE") == [str(Http().port)]
    assert "os.environ['TIDEMILL__HTTP__PORT']" in health_check()[-1]


def test_its_labels_are_the_project_s():
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', arguments("LABEL")[0]))

    assert labels == {
        "title": "Tidemill",
        "description": PROJECT["project"]["description"].partition(":")[0] + ".",
        "version": PROJECT["project"]["version"],
        "licenses": PROJECT["project"]["license"],
    }


def test_what_is_copied_exists():
    assert [each for each in copied() if not list(ROOT.glob(each))] == []


def test_what_is_copied_is_not_ignored():
    assert [each for each in copied() if f"!{each}" not in IGNORED] == []


def test_every_room_is_copied():
    rooms = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert set(rooms) <= set(copied())


def test_every_lock_that_is_installed_exists():
    locks = set(re.findall(r"-r locked/(\S+\.txt)", TEXT))

    extras = {"otel.txt", "parquet.txt", "transforms.txt"}
    assert {"cpu.txt", "run.txt", "gpu.txt", "build.txt"} | extras == locks
    assert [each for each in locks if not (ROOT / "requirements" / each).exists()] == []


def test_nothing_is_installed_but_by_hash():
    """The project's own wheel comes last, without an index."""
    installs = [each for run in RUNS for each in run.split("&&") if " install " in each]

    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)
    assert all("--no-deps" in each for each in installs)


@pytest.mark.parametrize(
    ("chosen", "locks"),
    [
        ({}, ["cpu"]),
        ({"EXTRA": "otel"}, ["cpu", "otel"]),
        ({"EXTRA": "transforms otel"}, ["cpu", "transforms", "otel"]),
        ({"VARIANT": "gpu", "EXTRA": "otel"}, ["run", "gpu", "otel"]),
    ],
)
def test_a_build_installs_the_locks_of_its_variant_and_its_extras(tmp_path, chosen, locks):
    done = installed(tmp_path, chosen)

    assert re.findall(r"locked/(\w+)\.txt", done.stdout) == locks
    assert done.returncode == 0


@pytest.mark.parametrize("chosen", [{"VARIANT": "tpu"}, {"EXTRA": "otel tracing"}])
def test_a_build_of_what_there_is_not_ends_and_says_what_there_is(tmp_path, chosen):
    done = installed(tmp_path, chosen)

    (name,) = chosen
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name} is ")


def test_both_variants_have_the_same_versions():
    cpu, gpu = pins("cpu.txt"), pins("run.txt")

    assert {each.replace("-gpu", "") for each in gpu} == cpu


def test_no_address_is_written_into_it():
    assert re.findall(r"[a-z]+://(?!127\.0\.0\.1)", TEXT) == []


# docs/containers.md


def test_its_page_names_every_argument_of_a_build():
    """But that which says where wheels/ is found: the folder is enough."""
    known = {each.argument.partition("=")[0] for each in stages()[0]}
    known |= {each.partition("=")[0] for each in arguments("ARG", 1)}

    (table,) = re.findall(r"\| build argument .*?\n\n", PAGE, re.DOTALL)

    named = {word for row in table.splitlines() for word in re.findall(r"`([A-Z_]{4,})`", row)}
    assert named == known - {"PIP_FIND_LINKS"}


def test_its_page_shows_what_the_image_sets():
    (environment,) = arguments("ENV")
    values = dict(each.split("=", 1) for each in environment.split())

    (table,) = re.findall(r"\| variable \|.*?\n\n", PAGE, re.DOTALL)

    shown = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", table, re.MULTILINE))
    assert shown == {
        k: v for k, v in values.items() if k not in {"PATH", "PYTHONDONTWRITEBYTECODE"}
    }


def test_its_page_speaks_of_this_version():
    assert set(re.findall(r"\btidemill:(\d[\d.]*\d)", PAGE)) == {PROJECT["project"]["version"]}
