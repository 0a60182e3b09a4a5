"""Which broker is meant, by one rule for all commands: the command line, the environment, the file.

The daemon reads the same two variables in the same order (docs/configuration.md).
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

VARIABLES = ("TIDEMILL__KAFKA__BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP")
"""The stronger one first; an empty one says nothing."""


class Address(NamedTuple):
    """Where Kafka is, and the variable that says so, empty when it was none."""

    bootstrap: str
    variable: str = ""


def address(
    file: str, command_line: str = "", environment: Mapping[str, str] = os.environ
) -> Address:
    """Return where Kafka is; `file` is what the file says, or its default."""
    if command_line:
        return Address(command_line)
    return from_environment(environment) or Address(file)


def from_environment(environment: Mapping[str, str] = os.environ) -> Address | None:
    """Return what the environment says, None when it says nothing."""
    for variable in VARIABLES:
        if environment.get(variable):
            return Address(environment[variable], variable)
    return None
