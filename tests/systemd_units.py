"""The unit files in deploy/systemd, read as systemd.syntax(7) says."""

import re
import shlex
from pathlib import Path

from tests.pages import ROOT

FOLDER = ROOT / "deploy" / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
UNITS = [*SERVICES, *sorted(FOLDER.glob("*.timer"))]
PROGRAM = "/opt/tidemill/bin/tidemill"
_UNITS_S = {"": 1, "s": 1, "min": 60, "h": 3600}


class Unit:
    """One unit file; a key that is written several times has several values."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._values = {}
        section = ""
        for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith(("#", ";")):
                key, _, value = line.partition("=")
                self._values.setdefault((section, key), []).append(value)

    def all(self, section, key):
        return self._values.get((section, key), [])

    def one(self, section, key):
        (value,) = self.all(section, key)
        return value

    def seconds(self, key):
        number, unit = re.fullmatch(r"([0-9]+)([a-z]*)", self.one("Service", key)).groups()
        return int(number) * _UNITS_S[unit]

    def hardening(self):
        """What the service may not do: DynamicUser and all that is written below it."""
        keys = [key for section, key in self._values if section == "Service"]
        return {key: self.all("Service", key) for key in keys[keys.index("DynamicUser") :]}

    def command(self, config, program, instance=""):
        """The words of ExecStart with another program and another configuration."""
        words = shlex.split(self.one("Service", "ExecStart").replace("%i", instance))
        given = {PROGRAM: str(program), f"/etc/tidemill/{instance or 'tidemill'}.toml": str(config)}
        assert given.keys() <= set(words)
        return [given.get(word, word) for word in words]

    def environment(self):
        """What Environment= gives to the process."""
        return dict(pair.split("=", 1) for pair in self.all("Service", "Environment"))
