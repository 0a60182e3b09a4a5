"""What a run was made with: scenario, deployment, machine, versions."""

from pathlib import Path

from loadtest.deployment import machine
from loadtest.deployment.embedded import Stage
from loadtest.deployment.scrape import Identity
from loadtest.report.document import Provenance
from loadtest.scenario.load import Loaded
from loadtest.scenario.model import Scenario

# What `--embedded` does not start is not what is installed here.
_OF_THE_DAEMON = ("kafka", "onnxruntime", "onnxruntime-gpu")
_SECRETS = ("authorization", "cookie", "key", "password", "secret", "token")
_WITHHELD = "(withheld)"


def provenance(
    loaded: Loaded, stage: Stage, served: Identity, *, targets: tuple[str, ...], embedded: bool
) -> Provenance:
    """Return it; `targets` are those of the command line alone."""
    here = machine.describe()
    config = loaded.scenario.embedded.config if embedded and loaded.scenario.embedded else None
    return Provenance(
        scenario_file=without_secrets(loaded.text, loaded.scenario),
        further_targets=list(targets),
        brokers=stage.bootstrap,
        metrics=stage.metrics_url or None,
        embedded=embedded,
        warm_up_s=loaded.scenario.warm_up,
        daemon=dict(served.about),
        models=[dict(labels) for labels in served.models],
        daemon_config=_text(config),
        machine={
            name: value for name, value in here.items() if embedded or name not in _OF_THE_DAEMON
        },
    )


def without_secrets(text: str, scenario: Scenario) -> str:
    """Return the scenario file without the headers that let somebody in."""
    for traffic in scenario.classes.values():
        for name, value in traffic.headers.items():
            if not value or not any(each in name.lower() for each in _SECRETS):
                continue
            if value not in text:  # written in another way, such as with escapes
                return f"{_WITHHELD}: it has the header {name}"
            text = text.replace(value, _WITHHELD)
    return text


def _text(config: Path | None) -> str | None:
    return config.read_text(encoding="utf-8") if config is not None else None
