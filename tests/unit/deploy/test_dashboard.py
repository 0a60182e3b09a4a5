"""The dashboard asks for what is exported, in a form that Grafana can show."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from daemon.telemetry.metric_names import METRICS, PREFIX
from tests.unit.deploy.manifests import ROOT
from tests.unit.deploy.queries import series, unknown

FILE = ROOT / "deploy" / "grafana" / "dashboard.json"
BOARD = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$job": ".*", "$lane": ".*"}
COLUMNS = 24
BUILT_IN = {"row", "stat", "table", "timeseries"}
# What a dashboard cannot show well, or shows in another form.
NOT_SHOWN = {
    "full_rows",
    "inflight_bytes",
    "last_progress_timestamp_seconds",
    "longest_request_seconds",
    "longest_stage_seconds",
    "run_most_rows",
    "run_row_seconds",
    "run_start_seconds",
}

each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def expressions():
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def area(panel):
    place = panel["gridPos"]
    return {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}


@each_panel
def test_every_query_asks_for_series_and_labels_there_are(panel):
    assert panel["targets"]
    for target in panel["targets"]:
        assert series(target["expr"])
        assert unknown(target["expr"].replace("$job", "j").replace("$lane", "l")) == set()


@each_panel
def test_every_query_goes_to_the_chosen_source(panel):
    sources = [panel["datasource"], *[target["datasource"] for target in panel["targets"]]]

    assert {source["uid"] for source in sources} == {"${datasource}"}


@each_panel
def test_every_query_is_narrowed_to_the_chosen_jobs(panel):
    assert all('job=~"$job"' in target["expr"] for target in panel["targets"])


@each_panel
def test_every_panel_says_what_it_shows(panel):
    assert panel["title"]
    assert panel["description"].endswith(".")


def test_legends_use_labels_that_the_query_leaves():
    for panel in PANELS:
        for target in panel["targets"]:
            named = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            grouped = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            kept = {name.strip() for names in grouped for name in names.split(",")}
            assert named <= (kept or {"instance", "worker"})


def test_every_metric_is_shown():
    asked = set().union(*map(series, expressions()))
    names = {metric.name for metric in METRICS}

    shown = {name for name in names if any(each.startswith(PREFIX + name) for each in asked)}
    assert names - shown <= NOT_SHOWN


def test_panels_are_numbered_once():
    numbers = [panel["id"] for panel in BOARD["panels"]]

    assert len(set(numbers)) == len(numbers)


def test_panels_lie_on_the_grid_and_beside_each_other():
    taken = set()
    for panel in BOARD["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS
        assert not area(panel) & taken
        taken |= area(panel)


def test_no_plugin_is_needed():
    assert {panel["type"] for panel in BOARD["panels"]} <= BUILT_IN


def test_links_to_it_last():
    assert (BOARD["uid"], BOARD["title"]) == ("tidemill", "Tidemill")
    assert BOARD["id"] is None


def test_the_source_is_chosen_first():
    kinds = {variable["name"]: variable["type"] for variable in BOARD["templating"]["list"]}

    assert list(kinds) == ["datasource", "job", "lane"]
    assert kinds["datasource"] == "datasource"


def test_variables_that_are_used_exist():
    known = {variable["name"] for variable in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$(?!__)\{?(\w+)", FILE.read_text(encoding="utf-8")))

    assert used - known == set()


def test_every_query_can_be_parsed(tmp_path):
    if not (promtool := shutil.which("promtool")):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    rules = []
    for number, expression in enumerate(expressions()):
        for name, value in VARIABLES.items():
            expression = expression.replace(name, value)  # noqa: PLW2901 -- one after the other
        rules.append({"record": f"query:{number}", "expr": expression})
    file = tmp_path / "rules.yaml"
    file.write_text(
        yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8"
    )

    done = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
