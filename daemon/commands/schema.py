"""`tidemill schema`."""

import json

from config.schema import schema as settings_schema
from daemon.commands.printing import printed
from daemon.values.errors import Exit


def schema() -> Exit:
    """Print the JSON schema of the settings."""
    return printed(json.dumps(settings_schema(), indent=2, ensure_ascii=False) + "\n")
