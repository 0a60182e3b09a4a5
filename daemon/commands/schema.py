"""`tidemill schema`."""

import json
import sys

from config.schema import schema as settings_schema
from daemon.values.errors import Exit


def schema() -> Exit:
    """Print the JSON schema of the settings."""
    json.dump(settings_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    return Exit.CLEAN
