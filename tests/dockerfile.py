"""The Dockerfile of this project, taken apart for the tests that hold it to the code."""

import json
import re
from typing import NamedTuple

from tests.pages import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


class Instruction(NamedTuple):
    """One instruction, its continued lines joined."""

    name: str
    argument: str


def stages():
    """Return the instructions of each stage, FROM first; before them those that all share."""
    found = [[]]
    text = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line:
            name, argument = line.split(maxsplit=1)
            if name == "FROM":
                found.append([])
            found[-1].append(Instruction(name, argument))
    return found


def arguments(name, stage=-1):
    """Return what the instructions `name` of a stage say; the last stage is the image."""
    return [each.argument for each in stages()[stage] if each.name == name]


def defaults():
    """Return what the first stage has for its build arguments where a build gives none."""
    said = [each.partition("=") for each in arguments("ARG", 1)]
    return {name: default for name, _, default in said if default}


def health_check():
    """Return the words of the health check's command; they are not for a shell."""
    (argument,) = arguments("HEALTHCHECK")
    return json.loads(re.search(r"CMD (\[.*\])$", argument)[1])
