"""Settings, metrics, files and figures that pages name are those there are."""

import ast
import re
import tomllib
from collections import Counter

import pytest

from config.catalogue import dotted, settings
from config.layers import variable
from config.load import load
from daemon.telemetry.events import Event
from daemon.telemetry.metric_names import METRICS, PREFIX
from tests.pages import PAGES, ROOT, name

SECTIONS = "kafka|limits|http|log|replies|dead_letters|scaling"
ROOMS = "clients|config|daemon|deploy|docs|examples|loadtest|requirements|runtime|studies|tests"
ROOMS_WITH_TABLES = [
    "config",
    "runtime",
    *sorted(
        str(init.parent.relative_to(ROOT))
        for top in ("clients", "daemon", "loadtest", "runtime", "studies")
        for init in (ROOT / top).glob("*/**/__init__.py")
    ),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(params=PAGES, ids=name)
def text(request):
    return request.param.read_text(encoding="utf-8")


def test_settings_exist(text):
    named = set(re.findall(rf"`((?:{SECTIONS})\.[a-z_]+)`", text))
    typed = set(re.findall(rf"(?:--set|-s) ((?:{SECTIONS})\.[a-z_]+)=", text))

    others = {event.value for event in Event} | {each for each in named if each.endswith(".py")}
    assert (named | typed) - others <= {dotted(key) for key in settings()}


def test_variables_exist(text):
    named = set(re.findall(r"TIDEMILL__(?:KAFKA|LIMITS|HTTP|LOG|REPLIES|SCALING)__[A-Z_]+", text))

    # Decision 9 shows what becomes of slips.
    slips = {"TIDEMILL__KAFKA__GROPU", "TIDEMILL__KAFKA__PORT"}
    assert named - slips <= {variable(key) for key in settings()}


def test_metrics_exist(text):
    suffixes = ("", "_bucket", "_sum", "_count")
    known = {PREFIX + metric.name + suffix for metric in METRICS for suffix in suffixes}

    others = {PREFIX, "tidemill_client"}
    assert set(re.findall(rf"\b{PREFIX}[a-z_]+", text)) - others <= known


def test_files_of_the_rooms_exist(text):
    named = set(re.findall(rf"(?<![\w/.-])(?:{ROOMS})/[\w/.-]*\w/?", text))

    assert [each for each in named if not (ROOT / each).exists() and not _is_made(each)] == []


def _is_made(name):
    """Whether a script of an example makes it, which not every checkout has run."""
    example, _, _ = name.partition("/model/")
    return name.startswith("examples/") and any((ROOT / example).glob("*_model.py"))


def test_what_the_page_of_the_house_names_is_in_the_code():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    code = {str(path): path.read_text(encoding="utf-8") for path in _code()}
    words = {word for text in code.values() for word in re.findall(r"\w+", text)}

    files = re.findall(r"`([\w/-]+\.py)`", page)
    names = re.findall(r"`([A-Za-z_]\w*(?:\.(?!py`)\w+)?)`", page)

    assert [each for each in files if not any(path.endswith(f"/{each}") for path in code)] == []
    assert [each for each in names if not words.issuperset(each.split("."))] == []


def _code():
    return [
        path
        for top in ("clients", "config", "daemon", "loadtest", "runtime", "studies", "tests")
        for path in (ROOT / top).rglob("*.py")
    ]


@pytest.mark.parametrize("room", ROOMS_WITH_TABLES)
def test_every_room_s_table_names_its_files_and_no_others(room):
    module = ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))
    table = ast.get_docstring(module)
    named = re.findall(r"^- `(\w+\.py)`: ", table or "", re.MULTILINE)

    files = sorted({file.name for file in (ROOT / room).glob("*.py")} - {"__init__.py"})
    assert named == files, f"the table in {room}/__init__.py: one line for each file, by name"


def test_a_class_of_the_load_tester_has_its_name_alone():
    found = Counter(
        name
        for file in (ROOT / "loadtest").rglob("*.py")
        for name in re.findall(r"^class ([A-Z]\w*)", file.read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert [name for name, times in found.items() if times > 1] == []


def test_the_readme_s_configuration_loads(tmp_path):
    (example,) = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    file = tmp_path / "tidemill.toml"
    file.write_text(example, encoding="utf-8")

    loaded = load(file, {}, [])

    assert sorted(loaded.settings.lanes) == sorted(tomllib.loads(example)["lanes"])


def test_the_readme_s_figures_are_those_of_the_performance_page():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    figures = re.findall(r"\| \*\*([\d.]+)\*\* x \|", README)

    assert len(figures) == 3
    assert [each for each in figures if f"| {each} |" not in page] == []
