"""Settings, metrics, files and figures that pages name are those there are."""

import re
import tomllib

import pytest

from config.catalogue import dotted, settings
from config.layers import variable
from config.load import load
from daemon.telemetry.events import Event
from daemon.telemetry.metric_names import METRICS, PREFIX
from tests.pages import PAGES, ROOT, name

SECTIONS = "kafka|limits|http|log|replies|dead_letters|scaling"
ROOMS = "config|daemon|deploy|docs|examples|loadtest|requirements|runtime|tests"
LINE_ROOMS = [
    f"daemon/{room}"
    for room in (
        *("admission", "answering", "batching", "kafka", "process", "running", "telemetry"),
        *("catching_up", "scaling", "supervision", "telemetry/status"),
    )
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


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

    assert set(re.findall(rf"\b{PREFIX}[a-z_]+", text)) - {PREFIX} <= known


def test_files_of_the_rooms_exist(text):
    named = set(re.findall(rf"(?<![\w/.-])(?:{ROOMS})/[\w/.-]*\w/?", text))

    assert [each for each in named if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("room", ["daemon", *LINE_ROOMS])
def test_every_file_of_the_line_has_its_place_in_the_house(room):
    files = {file.name for file in (ROOT / room).glob("*.py")} - {"__init__.py"}

    homeless = {file for file in files if not re.search(rf"[`/]{file}", ARCHITECTURE)}

    assert homeless == set(), "say in ARCHITECTURE.md what it is for"


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
