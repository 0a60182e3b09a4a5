"""The alerts ask for what is exported, fire when they should, and are in the documents."""

import re
import shutil
import subprocess

import pytest

from daemon.telemetry.events import Event
from daemon.values.errors import Exit
from tests.unit.deploy.manifests import KUBERNETES, ROOT, documents
from tests.unit.deploy.queries import misused, unknown

FOLDER = ROOT / "deploy" / "prometheus"
RULES = documents(FOLDER / "rules.yaml")[0]
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TABLE = PAGE.split("### Alerts worth having\n")[1].split("\n## ")[0]

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


@pytest.fixture(scope="module")
def promtool():
    if not (path := shutil.which("promtool")):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return path


@each_alert
def test_series_and_labels_exist(alert):
    assert unknown(alert["expr"]) == set()


@each_alert
def test_counters_are_read_by_their_increase(alert):
    assert misused(alert["expr"]) == set()


@each_alert
def test_an_alert_says_what_is_wrong_and_what_to_do(alert):
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"].keys() == {"summary", "description"}
    assert re.search(
        r'See docs/operations\.md, section "[^"]+"\.$', alert["annotations"]["description"]
    )


@each_alert
def test_the_section_it_points_to_exists(alert):
    (section,) = re.findall(r'section "([^"]+)"', alert["annotations"]["description"])

    assert re.search(rf"^#+ {re.escape(section)}$", PAGE, re.MULTILINE)


@each_alert
def test_events_and_exit_codes_it_names_exist(alert):
    words = alert["annotations"]["description"]
    named = set(re.findall(r"\b[a-z]+\.(?:[a-z]+(?:ed|lost))\b", words))

    assert named <= {event.value for event in Event}
    assert {int(code) for code in re.findall(r"\b(\d\d) ", words)} <= {code.value for code in Exit}


@each_alert
def test_it_has_its_row_in_the_operations_page(alert):
    (row,) = re.findall(rf"^\| `{alert['alert']}` \| (\w+) \| .+ \|$", TABLE, re.MULTILINE)

    assert row == alert["labels"]["severity"]


def test_the_operations_page_names_no_other_alert():
    named = set(re.findall(r"\bTidemill[A-Z]\w+", PAGE))

    assert named == {alert["alert"] for alert in ALERTS}


def test_alerts_are_named_once():
    names = [alert["alert"] for alert in ALERTS]

    assert len(set(names)) == len(names)


def test_every_alert_is_tried_both_ways():
    tests = documents(FOLDER / "rules_test.yaml")[0]["tests"]
    tried = [each for test in tests for each in test["alert_rule_test"]]

    firing = {each["alertname"] for each in tried if each["exp_alerts"]}
    silent = {each["alertname"] for each in tried if not each["exp_alerts"]}
    assert firing == silent == {alert["alert"] for alert in ALERTS}


def test_alerts_fire_when_they_should(promtool):
    done = subprocess.run(
        [promtool, "test", "rules", "rules_test.yaml"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_kubernetes_has_the_same_alerts():
    (manifest,) = documents(KUBERNETES / "components" / "monitoring" / "rules.yaml")

    remedy = "copy deploy/prometheus/rules.yaml below its spec, two columns to the right"
    assert manifest["spec"] == RULES, remedy
