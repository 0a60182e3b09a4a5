"""A real collector of OpenTelemetry, run as docs/standards.md configures it, where there is one."""

import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from loadtest.kafka.broker import free_ports
from loadtest.processes.child import Child
from tests.pages import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
MADE = CACHE / "tidemill" / "tools" / "otelcol" / "otelcol"
"""Where `make collector` puts it."""
PROGRAMS = [MADE, "otelcol-contrib", "otelcol"]


class Collector:
    """A context manager; spans are in `log`, metrics are served as Prometheus reads them."""

    def __init__(self):
        found = [program for name in PROGRAMS if (program := shutil.which(name))]
        if not found:
            pytest.skip("no collector of OpenTelemetry: `make collector` builds one")
        self._program = found[0]
        self._child = Child("collector")
        port, self._shown_at, *_ = free_ports()
        self.endpoint = f"http://127.0.0.1:{port}"

    def __enter__(self):
        config = self._child.folder / "collector.yaml"
        config.write_text(yaml.safe_dump(self._config()))
        self._child.spawn([self._program, "--config", str(config)])
        return self

    def __exit__(self, *_):
        self._child.close()

    @property
    def log(self):
        return self._child.log.read_text()

    def metrics(self):
        """Return what Prometheus would scrape; empty while nothing can be."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._shown_at}/metrics") as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            return ""

    def _config(self):
        """Return that of the page, with ports that are free."""
        page = (ROOT / "docs" / "standards.md").read_text(encoding="utf-8")
        (text,) = re.findall(r"```yaml\n(receivers:.*?)```", page, re.DOTALL)
        config = yaml.safe_load(text)
        config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = self.endpoint.removeprefix(
            "http://"
        )
        config["exporters"]["prometheus"]["endpoint"] = f"127.0.0.1:{self._shown_at}"
        config["service"]["telemetry"] = {"metrics": {"level": "none"}}  # it has a port of its own
        return config
