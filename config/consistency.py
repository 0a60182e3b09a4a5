"""Which settings cannot hold together, each of them fine by itself."""

from config import (
    broker_rules,
    line_rules,
    model_rules,
    scaling_rules,
    topic_rules,
    transform_rules,
    window_rules,
)
from config.settings import Settings

RULES = (
    *topic_rules.RULES,
    *model_rules.RULES,
    *line_rules.RULES,
    *window_rules.RULES,
    *broker_rules.RULES,
    *scaling_rules.RULES,
    *transform_rules.RULES,
)


def problems(settings: Settings) -> list[str]:
    """Return one line for each breach: the settings with their values, and what to do."""
    return [problem for rule in RULES for problem in rule(settings)]
