"""The pictures of docs/, taken of a real run: `make pictures`.

A Kafka and a daemon on this machine's CPU, the load of the scenario `quickstart`, a headless Chromium.
It takes two minutes, and shows what this machine does.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from loadtest.deployment.embedded import daemon, sandbox
from loadtest.scenario.load import load
from tests.browser import Browser

_ROOT = Path(__file__).parents[1]
_SCENARIO = "quickstart"
_SEEN_AFTER_S = 55
"""Of the minute that it lasts: the page shows the last minute."""
_PATIENCE_S = 180


def main():
    """Take all of them."""
    wanted = load(_SCENARIO).scenario.embedded
    own = {"kafka.instance_id": "host1-0"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        browser = Browser(Path(folder) / "browser")
        try:
            browser.prefer("light")
            with sandbox(wanted, Console(stderr=True)) as found, daemon(found, own) as stage:
                testing = offer(stage, report)
                time.sleep(_SEEN_AFTER_S)
                take_status(browser, stage)
                testing.wait(_PATIENCE_S)
            take_report(browser, report)
        finally:
            browser.close()


def offer(stage, report):
    """Start `tidemill-load run quickstart --html`."""
    options = ["--bootstrap", stage.bootstrap, "--metrics", stage.metrics_url, "--html", report]
    return subprocess.Popen([sys.executable, "-m", "loadtest", "run", _SCENARIO, *options])


def take_status(browser, stage):
    """docs/status.png: the page of the worker, while it serves."""
    browser.resize(1280, 800)
    browser.open(stage.metrics_url.removesuffix("metrics"))
    browser.wait("!document.getElementById('main').hidden", _PATIENCE_S)
    save(browser, "status.png", whole=True)


def take_report(browser, report):
    """docs/report.png: the top of the report."""
    browser.resize(1180, 1970)
    browser.open(report.as_uri())
    save(browser, "report.png", whole=False)


def save(browser, name, *, whole):
    """Write what the browser shows."""
    (_ROOT / "docs" / name).write_bytes(browser.screenshot(whole=whole))
    sys.stderr.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
