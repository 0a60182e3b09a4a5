"""compose.yaml offers the broker that the embedded one is."""

import re
from pathlib import Path

from loadtest.kafka import jars
from loadtest.kafka.properties import Ports, properties

_ROOT = Path(__file__).parents[2]
# Where it listens differs between a process and a container.
_ADDRESSES = {
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "controller.quorum.voters",
    "log.dirs",
}


def test_compose_has_the_settings_of_the_embedded_broker():
    compose = (_ROOT / "compose.yaml").read_text()
    found = dict(re.findall(r'KAFKA_([A-Z_]+): "?(.*?)"?\n', compose))
    theirs = {name.lower().replace("_", "."): value for name, value in found.items()}
    ours = dict(
        line.split("=", 1) for line in properties(Ports(1, 2, 3, 4), Path("x"), {}).splitlines()
    )
    assert {n: v for n, v in theirs.items() if n not in _ADDRESSES} == {
        n: v for n, v in ours.items() if n not in _ADDRESSES
    }


def test_compose_has_the_version_of_the_embedded_broker():
    assert f"image: apache/kafka:{jars.KAFKA}\n" in (_ROOT / "compose.yaml").read_text()
