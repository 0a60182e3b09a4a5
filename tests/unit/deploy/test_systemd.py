"""The units in deploy/systemd: whole, tight, and at one with the settings they stand around."""

import re
import shutil
import subprocess

import pytest
import typer

from daemon.__main__ import app
from daemon.process.announcer import longest_end_s
from daemon.process.health import LOOK_S
from daemon.values.errors import Exit
from tests.pages import ROOT
from tests.systemd_units import FOLDER, PROGRAM, SERVICES, UNITS, Unit
from tests.unit.config.sample import settings

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
DAEMONS = [path for path in SERVICES if Unit(path).one("Service", "Type") == "notify"]
EXPOSURE = "20"
"""In tenths: 2.0 of 10, which systemd calls OK."""


def name(path):
    return path.name


@pytest.fixture
def installed(tmp_path):
    """installed(unit, *drop_ins): the unit's path, as it would lie in /etc/systemd/system.

    The program is one that this machine has: verify looks whether it is executable.
    """

    def install(path, *drop_ins):
        for each in UNITS:
            text = each.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")
            (tmp_path / each.name).write_text(text, encoding="utf-8")
        folder = tmp_path / f"{path.name}.d"
        folder.mkdir()
        for each in drop_ins:
            shutil.copy(FOLDER / "drop-ins" / each, folder)
        return tmp_path / path.name

    return install


def analyze(*arguments):
    """Return what systemd-analyze says of a unit, and whether it is content."""
    done = subprocess.run(
        [ANALYZE, "--no-pager", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


def complaints(unit):
    """Return what `systemd-analyze verify` says of our units; the machine's own may be at fault."""
    code, said = analyze("verify", unit)
    lines = said.splitlines()
    return [line for line in lines if "tidemill" in line] + lines[: code != 0]


def test_there_are_units_to_look_at():
    assert {path.name for path in UNITS} == {
        "tidemill.service",
        "tidemill@.service",
        "tidemill-catch-up.service",
        "tidemill-catch-up.timer",
    }


@needs_systemd
@pytest.mark.parametrize("path", UNITS, ids=name)
def test_systemd_finds_nothing_wrong(path, installed):
    assert complaints(installed(path)) == []


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_a_service_on_the_cpu_is_exposed_to_little(path, installed):
    unit = installed(path)
    code, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", unit)

    assert code == 0, said


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_a_service_with_a_gpu_is_exposed_to_little(path, installed):
    unit = installed(path, "gpu.conf")
    code, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", unit)

    assert code == 0, said
    assert "char-nvidia*" in said, "the drop-in was not read"
    assert complaints(unit) == []


@needs_systemd
def test_what_only_newer_versions_know_is_kept_apart(installed):
    """So that the units themselves are clean on systemd 252."""
    said = complaints(installed(SERVICES[0], "growing-delay.conf"))
    unknown = {line.partition("Unknown key ")[2].split("'")[1] for line in said}

    assert unknown <= {"RestartSteps", "RestartMaxDelaySec"}


@needs_systemd
def test_the_timer_fires_by_day_and_by_night():
    calendar = Unit(FOLDER / "tidemill-catch-up.timer").all("Timer", "OnCalendar")
    code, said = analyze(
        "calendar", "--base-time=2030-01-01 00:00:01 UTC", "--iterations=40", *calendar
    )

    assert code == 0, said
    for time in ("08:00:00", "08:15:00", "17:45:00", "18:00:00", "23:00:00", "07:00:00"):
        assert time in said
    for time in ("07:15:00", "18:15:00"):
        assert time not in said


@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_services_are_confined_alike(path):
    assert Unit(path).hardening() == Unit(SERVICES[0]).hardening()


def test_the_unit_of_each_configuration_does_what_the_unit_of_one_does():
    one = (FOLDER / "tidemill.service").read_text(encoding="utf-8")
    each = (FOLDER / "tidemill@.service").read_text(encoding="utf-8")

    named = {
        "/etc/tidemill/%i.toml": "/etc/tidemill/tidemill.toml",
        "tidemill.%i.kafka-password": "tidemill.kafka-password",
        "RuntimeDirectory=tidemill-%i": "RuntimeDirectory=tidemill",
        "Tidemill (%i)": "Tidemill",
    }
    for its_own, common in named.items():
        assert its_own in each
        each = each.replace(its_own, common)
    assert each.partition("[Unit]")[2] == one.partition("[Unit]")[2]


@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_a_stop_waits_for_the_whole_drain(path):
    assert Unit(path).seconds("TimeoutStopSec") >= longest_end_s(settings())


@pytest.mark.parametrize("path", DAEMONS, ids=name)
def test_a_start_waits_for_a_broker_as_long_as_the_daemon_does(path):
    """Else systemd would end it before it could say why."""
    assert Unit(path).seconds("TimeoutStartSec") > settings().kafka.start_timeout


@pytest.mark.parametrize("path", DAEMONS, ids=name)
def test_the_watchdog_is_fed_often_enough(path):
    assert Unit(path).seconds("WatchdogSec") >= 2 * LOOK_S


@pytest.mark.parametrize("path", DAEMONS, ids=name)
def test_what_would_fail_again_is_not_started_again(path):
    hopeless = {Exit.USAGE, Exit.MODEL_REFUSED, Exit.DENIED, Exit.SETTINGS}
    prevented = Unit(path).one("Service", "RestartPreventExitStatus").split()

    assert {int(code) for code in prevented} == hopeless


@pytest.mark.parametrize("path", SERVICES, ids=name)
def test_what_is_started_exists(path):
    _, command, *words = Unit(path).command("c.toml", "tidemill", "i" if "@" in path.name else "")
    known = {
        option
        for parameter in typer.main.get_command(app).commands[command].params
        for option in parameter.opts
    }

    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("page", ["operations.md", "systemd.md"])
def test_pages_say_what_becomes_of_workers_whose_supervisor_dies(page):
    """As systemd.kill(5): mixed ends what remains with SIGKILL once the main process has ended."""
    assert {Unit(path).one("Service", "KillMode") for path in DAEMONS} == {"mixed"}

    text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())

    assert re.search(r"`KillMode=mixed`.{,200}\bdie[sd]\b.{,200}answered again", text)
    assert re.search(r"`KillMode=mixed`.{,200}SIGKILL", text)
