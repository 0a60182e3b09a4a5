"""docs/producers.md says what the client does."""

import ast
import re
import textwrap
from typing import get_args

import pytest

import tidemill_client
from tests.pages import ROOT
from tidemill_client.errors import REFUSALS, OwnCode
from tidemill_client.questions import Counts

PAGE = (ROOT / "docs" / "producers.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.*?) \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
KINDS = {
    name
    for name in tidemill_client.__all__
    if isinstance(kind := getattr(tidemill_client, name), type)
    and issubclass(kind, tidemill_client.TidemillError)
} - {"TidemillError"}


def named(cell):
    return re.findall(r"`(\w+)`", cell)


def test_every_error_is_documented():
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) >= KINDS


def test_every_code_of_the_client_is_documented_with_its_kind():
    documented = {
        code for cell, of, _ in ROWS if set(named(of)) & KINDS for code in named(cell)
    } - KINDS

    assert documented == set(get_args(OwnCode))


def test_the_daemon_s_refusals_are_those_that_are_rejected():
    (said,) = [cells for first, *cells in ROWS if first == "`Rejected`"]

    assert set(named(said[0])) == REFUSALS


@pytest.mark.parametrize("count", Counts.__struct_fields__)
def test_every_count_is_documented(count):
    assert f"`{count}`" in PAGE.partition("## What it counts")[2]


def test_examples_are_python():
    examples = re.findall(r"<!-- python \w+ -->\n```python\n(.*?)```", PAGE, re.DOTALL)

    assert [ast.parse(f"async def f():\n{textwrap.indent(each, ' ')}") for each in examples]
