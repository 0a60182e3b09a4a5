"""The rooms are plain top-level packages: nobody else may bring one of their names.

docs/decisions/0001-top-level-packages.md says why.
"""

import importlib
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
ROOMS = ("config", "daemon", "loadtest", "runtime")
ALL = (*ROOMS, "studies")
"""Those of the wheel, and what stays in the repository."""


@pytest.mark.parametrize("room", ROOMS)
def test_no_other_distribution_brings_a_room_s_name(room):
    # An editable install brings none, so it may be missing; a wheel is "tidemill".
    assert set(packages_distributions().get(room, ())) <= {"tidemill"}


@pytest.mark.parametrize("room", ALL)
def test_a_room_is_imported_from_here(room):
    assert Path(importlib.import_module(room).__file__) == ROOT / room / "__init__.py"


def test_the_client_of_producers_brings_its_types_and_needs_two_packages():
    builder = WheelBuilder(str(ROOT / "clients" / "python"))
    needs = [re.match(r"[a-z-]+", need)[0] for need in builder.metadata.core.dependencies]

    files = {file.distribution_path for file in builder.recurse_included_files()}

    assert {"tidemill_client/__init__.py", "tidemill_client/py.typed"} <= files
    assert {file.split("/")[0] for file in files} == {"tidemill_client"}
    assert sorted(needs) == ["aiokafka", "msgspec"]
    assert builder.metadata.core.requires_python == ">=3.10"


def test_the_client_of_producers_imports_numpy_when_it_meets_an_array():
    script = "import sys, tidemill_client; print(*{name.split('.')[0] for name in sys.modules})"
    imported = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert {b"aiokafka", b"msgspec"} <= {*imported.stdout.split()}
    assert not {b"numpy", *map(str.encode, ALL)} & {*imported.stdout.split()}


def test_the_wheel_has_every_room():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert sorted(packages) == sorted(ROOMS)


def test_the_wheel_has_the_files_that_are_no_code():
    builder = WheelBuilder(str(ROOT))

    files = {file.distribution_path for file in builder.recurse_included_files()}

    assert "daemon/telemetry/status_page.html" in files
    assert "loadtest/report/html/page.html" in files
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob("loadtest/**/*.toml")} <= files


@pytest.mark.parametrize("room", ALL)
def test_every_folder_of_a_room_is_a_regular_package(room):
    """A bare folder would lose against any regular package of its name."""
    folders = {file.parent for file in (ROOT / room).rglob("*.py")}

    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []
