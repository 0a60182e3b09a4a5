"""The history of a search as JSON: written after each step, read to go on after an interruption."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from loadtest.report.document import Json, write
from loadtest.scenario.load import BadScenario
from loadtest.search.rate_trial import RateTrial
from loadtest.search.search import SearchAnswer
from loadtest.search.spec import SearchSpec

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""


class Asked(BaseModel):
    """What was searched; a history goes on only when it is the same."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    targets: list[str]
    rates_per_s: dict[str, float]
    start_per_s: float
    precision: float
    step_s: float | None


class _History(BaseModel):
    version: int
    asked: Asked
    steps: list[RateTrial]


def asked(spec: SearchSpec) -> Asked:
    """Return what is searched."""
    return Asked(
        scenario=spec.loaded.name,
        targets=[target.text for target in spec.targets],
        rates_per_s=spec.per_class,
        start_per_s=spec.bounds.start_per_s,
        precision=spec.bounds.precision,
        step_s=spec.step_s,
    )


def document(
    spec: SearchSpec, steps: Sequence[RateTrial], answer: SearchAnswer | None
) -> dict[str, Json]:
    """Return the history; `answer` is None while the search goes on."""
    history = _History(version=VERSION, asked=asked(spec), steps=list(steps))
    return {**history.model_dump(mode="json"), "answer": answer and _answer(spec, answer)}


def keep(path: Path, told: dict[str, Json]) -> None:
    """Write it; whoever reads meanwhile, or after a kill, sees the old file or the new one."""
    write(path, told)


def read(path: Path, wanted: Asked) -> list[RateTrial]:
    """Return the steps in `path`, none if there is no such file; raises BadScenario."""
    if not path.exists():
        return []
    try:
        history = _History.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise BadScenario(f"--history {path}: not a history of a search: {error}") from error
    if history.version != VERSION:
        raise BadScenario(f"--history {path}: version {history.version}, not {VERSION}")
    theirs, ours = history.asked.model_dump(), wanted.model_dump()
    differ = [key for key, value in ours.items() if theirs[key] != value]
    if differ:
        raise BadScenario(f"--history {path}: it is of another search ({', '.join(differ)})")
    return history.steps


def _answer(spec: SearchSpec, answer: SearchAnswer) -> dict[str, Json]:
    lower, upper, edge, fails = answer.bracket
    bound = answer.limiting_target
    return {
        "end": answer.end.value,
        "exit_code": int(answer.exit),
        "highest_pass_per_s": lower,
        "highest_pass_by_class": None
        if lower is None
        else {name: lower * share for name, share in spec.mix.items()},
        "upper_edge_per_s": upper,
        "upper_edge": edge.value,
        "lowest_fail_per_s": fails,
        "binding": None if bound is None else {**bound._asdict(), "shape": bound.shape.value},
    }
