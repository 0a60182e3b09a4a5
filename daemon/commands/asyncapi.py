"""`tidemill asyncapi`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from config.load import Loaded, load
from daemon.asyncapi.document import document
from daemon.asyncapi.messages import Served
from daemon.commands.printing import printed
from daemon.commands.waiting import waiting
from daemon.telemetry import logs
from daemon.values.errors import Exit, Fatal
from runtime.errors import ModelRefused
from runtime.model import load_model


def asyncapi(config: Path | None, overrides: Sequence[str]) -> Exit:
    """Print the AsyncAPI document of the settings and their models. Raises SettingsError and Fatal."""
    loaded = load(config, os.environ, overrides)
    logs.configure(loaded.settings.log, worker="asyncapi")
    served = {name: _served(loaded, name) for name in loaded.settings.models}
    described = document(loaded.settings, served)
    return printed(json.dumps(described, indent=2, ensure_ascii=False) + "\n")


def _served(loaded: Loaded, name: str) -> Served:
    try:
        with waiting(f"loading model {name}"):
            # Nothing is transformed here, so that processes would start for nothing.
            settings = loaded.settings.models[name].model_copy(
                update={"transform_workers": "threads"}
            )
            model = load_model(settings, base=loaded.base, on_stuck=lambda _: None)
    except ModelRefused as refused:
        raise Fatal(Exit.MODEL_REFUSED, f"model {name}: {refused}") from refused
    model.close()
    return Served(name, model.session.signature)
