"""What `tune` is given: a scenario, or a daemon's configuration and a folder of bodies."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from loadtest.scenario.load import BadScenario, Loaded, load
from loadtest.scenario.model import Body, Embedded, Scenario, Traffic

_ALONE_RATE = "1/s"
_SHARED_MACHINE_S = 0.05
"""What tunes shares it with broker and daemon; a guess, over twice what scenarios allow by default."""
_BROKER = "127.0.0.1:9092"


class Lane(NamedTuple):
    """A lane as the configuration has it; N and T are None where it does not say."""

    name: str
    topics: tuple[str, ...]
    max_rows: int | None
    linger: str | None
    is_eager: bool


class Tunable(NamedTuple):
    """A scenario, the class to offer, and the lane it is for, None without a configuration."""

    name: str
    scenario: Scenario
    traffic: str
    lane: Lane | None


def tunable(given: str, bodies: Path | None, lane: str) -> Tunable:
    """Return what is tuned; raises BadScenario.

    `given`: a scenario's file or name, or a configuration; `lane`: its name, empty: the only one.
    """
    if written := _configuration(given):
        if bodies is None:
            raise BadScenario(f"{given} is a configuration: say what requests carry with --bodies")
        lanes = _lanes(written)
        mine = _only(lanes, lane, given)
        return Tunable(Path(given).stem, _scenario(Path(given), written, mine, bodies), "all", mine)
    loaded = load(given)
    if bodies is not None:
        raise BadScenario("--bodies goes with a configuration; a scenario has its own")
    return _of_scenario(loaded, lane)


def _of_scenario(loaded: Loaded, lane: str) -> Tunable:
    scenario = loaded.scenario
    if scenario.embedded is None:
        if lane and lane not in scenario.classes:
            raise BadScenario(f"--lane {lane}: the scenario names no configuration, and no class")
        names = [lane] if lane else list(scenario.classes)
        if len(names) > 1:
            raise BadScenario(f"which one? --lane {' or '.join(names)}")
        return Tunable(loaded.name, scenario, names[0], None)
    lanes = _lanes(_read(scenario.embedded.config))
    offered = {
        each.name: next(
            (name for name, traffic in scenario.classes.items() if traffic.topic in each.topics), ""
        )
        for each in lanes
    }
    mine = _only([each for each in lanes if offered[each.name]], lane, loaded.name)
    return Tunable(loaded.name, scenario, offered[mine.name], mine)


def _only(lanes: list[Lane], name: str, where: str) -> Lane:
    found = [lane for lane in lanes if name in {"", lane.name}]
    names = " or ".join(lane.name for lane in lanes)
    if not found:
        raise BadScenario(f"--lane {name}: {where} has no requests for it; lanes: {names}")
    if len(found) > 1:
        raise BadScenario(f"{where} has several lanes: --lane {names}")
    return found[0]


def _configuration(given: str) -> Mapping[str, Any] | None:
    path = Path(given)
    if path.suffix != ".toml" or not path.is_file():
        return None
    written = _read(path)
    return written if "lanes" in written else None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadScenario(f"{path}: {error}") from error


def _lanes(written: Mapping[str, Any]) -> list[Lane]:
    try:
        return [
            Lane(
                name,
                tuple(lane["topics"]),
                lane.get("max_rows"),
                lane.get("linger"),
                bool(lane.get("eager", False)),
            )
            for name, lane in written["lanes"].items()
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadScenario(
            "the configuration's lanes name no topics; see `tidemill check`"
        ) from error


def _scenario(path: Path, written: Mapping[str, Any], lane: Lane, bodies: Path) -> Scenario:
    kinds = {".jsonl": "jsonl", ".npy": "npy"}
    body = Body.model_validate({kinds.get(bodies.suffix, "folder"): bodies.absolute()})
    traffic = Traffic(topic=lane.topics[0], rate=_ALONE_RATE, duration="1s", body=(body,))
    try:
        replies, dead = written["replies"]["topic"], written["dead_letters"]["topic"]
    except (KeyError, TypeError) as error:
        raise BadScenario(f"{path} names no reply topic or dead letters") from error
    return Scenario(
        description=f"the lane {lane.name} of {path.name}",
        most_late=_SHARED_MACHINE_S,
        bootstrap_servers=written.get("kafka", {}).get("bootstrap_servers", _BROKER),
        reply_topics=(replies,),
        dead_letters=dead,
        classes={"all": traffic},
        embedded=Embedded(config=path),
    )
