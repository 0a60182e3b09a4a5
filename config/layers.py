"""The three places where settings are written, each read into the same flat form.

A configuration file, then the environment, then the command line: what comes later wins. In the
environment KAFKA_BOOTSTRAP stands below the variables that begin with TIDEMILL__.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from config.catalogue import Key, dotted, general, is_section, settings
from config.errors import SettingsError

PREFIX = "TIDEMILL__"
BOOTSTRAP_VARIABLE = "KAFKA_BOOTSTRAP"
"""What producers and tools beside the daemon are told too, so that one word reaches all."""
_BOOTSTRAP: Key = ("kafka", "bootstrap_servers")
_ALMOST = "TIDEMILL_"

Layer: TypeAlias = Literal["file", "environment", "command line"]


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it was written; `source` is a file, a variable or "--set"."""

    key: Key
    value: object
    layer: Layer
    source: str

    @property
    def label(self) -> str:
        """How an error begins: the place, and the key where the place does not say it."""
        match self.layer:
            case "file":
                return f"{self.source}: {dotted(self.key)}"
            case "environment":
                return self.source
            case "command line":
                return f"{self.source} {dotted(self.key)}"

    def spell(self, key: Key) -> str:
        """Return how `key` would be written in the same place."""
        return variable(key) if self.layer == "environment" else dotted(key)


def variable(key: Key) -> str:
    """Return the environment variable that sets `key`: TIDEMILL__KAFKA__GROUP."""
    return PREFIX + "__".join(dotted(key).split(".")).upper()


def read_file(path: Path) -> Sequence[Given]:
    """Return what the TOML file says; raises SettingsError when it cannot be read."""
    try:
        # Editors on Windows begin a file with a byte order mark, which TOML does not know.
        table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        problem = f"{path}: cannot be read: {error.strerror}; --config names the configuration"
    except UnicodeDecodeError as error:
        problem = f"{path}: not UTF-8 text at byte {error.start}; save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"{path}: not valid TOML: {error}"
    else:
        return list(_flatten(table, (), "file", str(path)))
    raise SettingsError([problem])


def read_environment(environment: Mapping[str, str]) -> tuple[Sequence[Given], Sequence[str]]:
    """Return what the variables that begin with TIDEMILL__ say, and what is wrong with others."""
    given: list[Given] = []
    problems: list[str] = []
    for name, text in sorted(environment.items()):
        if name.startswith(PREFIX):
            key = tuple(name.removeprefix(PREFIX).lower().split("__"))
            given += _read(key, text, "environment", name)
        elif _is_slip(name):
            meant = PREFIX + name.removeprefix(_ALMOST)
            problems.append(f"{name} has one underscore after TIDEMILL; write {meant}")
    return given, problems


def read_bootstrap(environment: Mapping[str, str]) -> Sequence[Given]:
    """Return the brokers that KAFKA_BOOTSTRAP names; an empty one says nothing."""
    text = environment.get(BOOTSTRAP_VARIABLE)
    return [Given(_BOOTSTRAP, text, "environment", BOOTSTRAP_VARIABLE)] if text else []


def read_overrides(overrides: Sequence[str]) -> tuple[Sequence[Given], Sequence[str]]:
    """Return what "kafka.group=classify" and its like say, and what is wrong with the rest."""
    given: list[Given] = []
    problems: list[str] = []
    for override in overrides:
        name, equals, text = override.partition("=")
        if equals:
            key = tuple(name.strip().split("."))
            given += _read(key, text, "command line", "--set")
        else:
            problems.append(f"--set {name} sets nothing; write --set KEY=VALUE")
    return given, problems


def _is_slip(name: str) -> bool:
    """Whether `name` was meant for us; TIDEMILL_SERVICE_HOST and its like are Kubernetes' own."""
    section, separator, _ = name.removeprefix(_ALMOST).lower().partition("__")
    return bool(name.startswith(_ALMOST) and separator and is_section((section,)))


def _read(key: Key, text: str, layer: Layer, source: str) -> Iterator[Given]:
    value = _parse(key, text)
    if isinstance(value, dict) and general(key) not in settings():
        yield from _flatten(value, key, layer, source)
    else:
        yield Given(key, value, layer, source)


def _parse(key: Key, text: str) -> object:
    """Return the TOML value that `text` is, or `text` itself where text is what `key` takes."""
    setting = settings().get(general(key))
    value = _parse_toml(text)
    match setting.kind if setting else None:
        case "text" if isinstance(value, dict) and is_section(key):
            return value
        case "text" | "duration" | "size":  # a group named 7 is no number
            return value if isinstance(value, str) else text
        case "list" if not isinstance(value, list):
            return [item.strip() for item in text.split(",") if item.strip()]
        case _:
            return text if value is None else value


def _parse_toml(text: str) -> object | None:
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return None
    return table["value"] if len(table) == 1 else None


def _flatten(table: Mapping[str, object], key: Key, layer: Layer, source: str) -> Iterator[Given]:
    if key and not table:
        yield Given(key, {}, layer, source)
    for name, value in table.items():
        here = (*key, name)
        if isinstance(value, dict) and is_section(here):
            yield from _flatten(value, here, layer, source)
        else:
            yield Given(here, value, layer, source)
