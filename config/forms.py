"""The forms that text settings must have: names, topics, digests, addresses, moments.

Source of the topic rule: Apache Kafka's `org.apache.kafka.common.internals.Topic`, which the broker
applies to group instance ids as well.
"""

import difflib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Form:
    """A pattern that the whole text must match, and the rule in words for those who miss it."""

    pattern: str
    rule: str

    def check(self, text: str) -> str:
        """Return `text`; raises ValueError with the rule when it has another form."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"must be {self.rule}")
        return text

    def __get_pydantic_core_schema__(
        self, source: type[object], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


_TOPIC = r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}"

NAME = Form(r"[a-z0-9_]+", "made of a-z, 0-9 and _")

Name = Annotated[str, NAME]
"""A lane's or a model's name."""

Text = Annotated[str, Form(r"\S(?:.*\S)?", "text that is neither empty nor padded with spaces")]
"""Text that says something."""

Topic = Annotated[
    str, Form(_TOPIC, "a topic name: letters, digits, '.', '_' and '-', at most 249 of them")
]
"""A topic that Kafka would take."""

AllowEntry = Annotated[
    str,
    Form(
        rf"{_TOPIC}|[a-zA-Z0-9._-]{{0,248}}\*",
        "a topic name, or the beginning of one with a single * at its end",
    ),
]
"""Topics that a request may name: one, or all that begin alike."""

Slot = Annotated[
    str, Form(rf"|{_TOPIC}", "empty, or letters, digits, '.', '_' and '-', at most 249 of them")
]
"""A static member's name."""


def _lower(text: str) -> str:
    return text.lower()


Digest = Annotated[
    str,
    AfterValidator(_lower),
    Form(r"|[0-9a-f]{64}", "64 hexadecimal digits, as `sha256sum` prints them"),
]
"""The SHA-256 of a file; empty: unknown."""


def _check_axis(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


Axis = Annotated[
    str,
    BeforeValidator(_check_axis),
    Form(r"\S(?:.*\S)?", "the name of an axis, or its number"),
    WithJsonSchema({"type": ["string", "integer"]}),
]
"""An axis of a tensor: its name in the model, or its number as text."""

_LEAST_STEP = 2


def _check_step(value: object) -> object:
    if value == "auto" or (
        isinstance(value, int) and not isinstance(value, bool) and value >= _LEAST_STEP
    ):
        return value
    raise ValueError(f'must be a whole number of at least {_LEAST_STEP}, or "auto"')


Step = Annotated[
    int | Literal["auto"],
    BeforeValidator(_check_step),
    WithJsonSchema({"type": ["integer", "string"], "minimum": _LEAST_STEP}),
]
"""Lengths between two multiples of it are alike; or it is measured."""

TransformName = Annotated[
    str, Form(r'|[^"]+\.py:[A-Za-z_][A-Za-z0-9_]*', 'written "file.py:Class"')
]
"""A user's class in a file; empty: none."""


TransformWorkers = Annotated[
    str,
    Form(
        r"threads|process:([1-9]|[1-5][0-9]|6[0-4])",
        '"threads", or "process:N" with N from 1 to 64',
    ),
]
"""What runs a transform: threads of the worker, or N processes of its own."""


def _check_servers(text: str) -> str:
    servers = [server.strip() for server in text.split(",")]
    if not all(_is_server(server) for server in servers):
        raise ValueError("must be host:port, several by comma, without a scheme or a user")
    return ",".join(servers)


def _is_server(text: str) -> bool:
    found = re.fullmatch(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", text)
    return found is not None and 1 <= int(found[1]) <= _HIGHEST_PORT


Endpoint = Annotated[
    str, Form(r"|https?://[^\s/]\S*", "an address that begins with http:// or https://")
]
"""Where something is sent over HTTP; empty: nowhere."""

Servers = Annotated[str, AfterValidator(_check_servers)]
"""Brokers to ask first."""


_CRON = (
    'a cron expression, like "*/15 8-17 * * mon-fri": minute, hour, day of month, month, weekday'
)
_SOME_TIME = datetime(2000, 1, 1)  # noqa: DTZ001 -- which zone it is in changes no form


def _check_cron(text: str) -> str:
    try:
        next(CronSim(text, _SOME_TIME))
    except CronSimError as error:
        fault = str(error).lower().replace("day-of-", "day of ")
        raise ValueError(f"must be {_CRON} ({fault})") from error
    except StopIteration:
        raise ValueError("must name days that come") from None
    return " ".join(text.split())


Cron = Annotated[str, AfterValidator(_check_cron)]
"""Moments; six fields begin with seconds."""


def _check_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        close = difflib.get_close_matches(text, available_timezones(), n=1)
        remedy = f"did you mean {close[0]}?" if close else "like Europe/Berlin or UTC"
        raise ValueError(f"must be the name of a time zone; {remedy}") from error
    return text


Zone = Annotated[str, AfterValidator(_check_zone)]
"""A time zone by its name in the IANA's list."""


def _check_path(text: object) -> object:
    if not isinstance(text, str | Path) or not str(text):
        raise ValueError("must be the path of a file")
    return text


File = Annotated[Path, Strict(strict=False), BeforeValidator(_check_path)]
"""A path, written as text."""


Axes = dict[str, Annotated[int, Field(ge=0)]]
"""An axis for each tensor's name, counted from 0."""


def _check_constants(given: dict[str, object]) -> dict[str, object]:
    for name, value in given.items():
        if not _is_constant(value):
            raise ValueError(
                f"must be numbers, text, true or false, or lists of them by an input's name; {name} is not"
            )
    return given


def _is_constant(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_constant(each) for each in value)
    return isinstance(value, bool | int | float | str)


Constants = Annotated[dict[str, object], AfterValidator(_check_constants)]
"""A value for each input's name."""
