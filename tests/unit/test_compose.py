"""compose.yaml: the broker that the embedded one is, and beside it what watches a worker."""

import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from config.load import load
from loadtest.kafka import jars
from loadtest.kafka.properties import Ports, properties
from tests.pages import ROOT

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"topics", "tidemill"}
# Where it listens differs between a process and a container.
_ADDRESSES = {
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "controller.quorum.voters",
    "log.dirs",
}


def named(*path):
    """Return what a file of the folder deploy/ says."""
    return yaml.safe_load((ROOT / "deploy").joinpath(*path).read_text(encoding="utf-8"))


def mounts(service):
    """Return the files and folders of this project that a service sees, by where it sees them."""
    volumes = [each.split(":") for each in SERVICES[service].get("volumes", ())]
    return {parts[1]: ROOT / parts[0] for parts in volumes if parts[0].startswith(".")}


def listeners(setting):
    text = SERVICES["kafka"]["environment"][setting]
    return dict(each.split("://") for each in text.split(","))


# The broker


def test_it_has_the_settings_of_the_embedded_broker():
    found = SERVICES["kafka"]["environment"]
    theirs = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in found.items()
    }
    ours = dict(
        line.split("=", 1) for line in properties({1: Ports(1, 2, 3, 4)}, 1, ROOT, {}).splitlines()
    )
    assert {n: v for n, v in theirs.items() if n not in _ADDRESSES} == {
        n: v for n, v in ours.items() if n not in _ADDRESSES
    }


def test_it_has_the_version_of_the_embedded_broker():
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{jars.KAFKA}"


def test_it_can_be_had_alone():
    """For tests and the demo: `docker compose up kafka`."""
    assert "depends_on" not in SERVICES["kafka"]


def test_programs_of_this_machine_and_containers_are_told_addresses_of_their_own():
    ports = {
        name: address.rpartition(":")[2] for name, address in listeners("KAFKA_LISTENERS").items()
    }
    told = listeners("KAFKA_ADVERTISED_LISTENERS")

    assert told == {"CLIENT": f"127.0.0.1:{ports['CLIENT']}", "INSIDE": f"kafka:{ports['INSIDE']}"}
    assert SERVICES["kafka"]["ports"] == [f"{told['CLIENT']}:{ports['CLIENT']}"]
    inside = {
        SERVICES[service]["environment"]["KAFKA_BOOTSTRAP"] for service in ("topics", "tidemill")
    }
    assert inside == {told["INSIDE"]}


# All services


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_an_image_is_named_by_version(service):
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", SERVICES[service]["image"])


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_is_mounted_exists_and_cannot_be_written(service):
    assert [path for path in mounts(service).values() if not path.exists()] == []
    ours = [each for each in SERVICES[service].get("volumes", ()) if each.startswith(".")]
    assert [each for each in ours if not each.endswith(":ro")] == []


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_ports_are_open_to_this_machine_only(service):
    ports = SERVICES[service].get("ports", [])

    assert [each for each in ports if not each.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("service", sorted(set(SERVICES) - OURS))
def test_a_health_check_needs_no_shell(service):
    """That of `tidemill` is in its image; `topics` ends."""
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


# The worker


@pytest.mark.parametrize("service", sorted(OURS))
def test_our_containers_may_do_little(service):
    ours = SERVICES[service]

    assert ours["image"] == f"{PROJECT['name']}:{PROJECT['version']}"
    assert ours["read_only"]
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true"]


def test_the_worker_starts_when_its_topics_are_there():
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["tidemill"]["depends_on"] == {
        "topics": {"condition": "service_completed_successfully"}
    }


def test_topics_are_those_of_the_worker_s_configuration():
    *_, file = SERVICES["topics"]["entrypoint"]

    assert (mounts("topics")["/etc/tidemill"] / file).samefile(
        mounts("tidemill")["/etc/tidemill"] / "tidemill.toml"
    )


def test_there_is_time_to_drain():
    """Ten seconds beyond it are what docs/operations.md asks for."""
    settings = load(mounts("tidemill")["/etc/tidemill"] / "tidemill.toml", {}, []).settings
    grace_s = int(SERVICES["tidemill"]["stop_grace_period"].removesuffix("s"))

    assert grace_s >= settings.limits.drain + 10


# What watches it


def test_prometheus_looks_for_the_worker_where_it_is():
    (job,) = named("prometheus", "prometheus.yaml")["scrape_configs"]
    (discovery,) = job["dns_sd_configs"]

    assert discovery["names"] == ["tidemill"]
    assert f":{discovery['port']}" in SERVICES["tidemill"]["ports"][0]


def test_prometheus_finds_its_configuration_and_rules():
    folder = mounts("prometheus")["/etc/prometheus"]
    option = next(each for each in SERVICES["prometheus"]["command"] if "config.file" in each)

    assert (folder / option.partition("=")[2].removeprefix("/etc/prometheus/")).exists()
    rules = named("prometheus", "prometheus.yaml")["rule_files"]
    assert [each for each in rules if not (folder / each).exists()] == []


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_prometheus_accepts_its_configuration():
    subprocess.run(
        ["promtool", "check", "config", ROOT / "deploy" / "prometheus" / "prometheus.yaml"],
        check=True,
        capture_output=True,
    )


def test_grafana_finds_prometheus():
    (source,) = named("grafana", "provisioning", "datasources", "prometheus.yaml")["datasources"]

    assert source["url"] == "http://prometheus:9090"
    assert (
        source["jsonData"]["timeInterval"]
        == (named("prometheus", "prometheus.yaml")["global"]["scrape_interval"])
    )


def test_grafana_finds_the_dashboard():
    (provider,) = named("grafana", "provisioning", "dashboards", "tidemill.yaml")["providers"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert home in mounts("grafana")
    assert home.startswith(provider["options"]["path"] + "/")
