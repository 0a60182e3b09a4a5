"""What says that it is pure is held to it: it is named in the import contract, or a folder above it is."""

import ast
import re
import tomllib

import pytest

from tests.pages import ROOT

CONTRACT = "Decisions are pure: no clock, no loop, no logging"
SAYS_SO = re.compile(r"\bPure\b")
TOPS = ("daemon", "loadtest", "clients/python")
ABOVE = (ROOT / "clients" / "python", ROOT)
"""Where top-level packages are."""


def _held():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (held,) = [each["source_modules"] for each in contracts if each["name"] == CONTRACT]
    return held


def _module(file):
    above = next(each for each in ABOVE if file.is_relative_to(each))
    parts = file.relative_to(above).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _says_it_is_pure(file):
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    table = said.find("\n- `")
    return SAYS_SO.search(said if table < 0 else said[:table]) is not None


SAYING = sorted(
    _module(file) for top in TOPS for file in (ROOT / top).rglob("*.py") if _says_it_is_pure(file)
)


def _is_under(module, folder):
    return f"{module}.".startswith(f"{folder}.")


@pytest.mark.parametrize("module", SAYING)
def test_what_says_it_is_pure_is_held_by_the_contract(module):
    assert any(_is_under(module, folder) for folder in _held())


def test_the_contract_names_no_module_of_a_folder_that_it_holds():
    held = _held()

    within = [m for m in held for folder in held if m != folder and _is_under(m, folder)]
    assert within == []


@pytest.mark.parametrize("held", _held())
def test_what_the_contract_holds_says_that_it_is_pure(held):
    """A reader of the file learns what it may not import."""
    paths = [above / held.replace(".", "/") for above in ABOVE]
    files = [each / "__init__.py" if each.is_dir() else each.with_suffix(".py") for each in paths]
    (file,) = [each for each in files if each.exists()]

    assert _says_it_is_pure(file)
