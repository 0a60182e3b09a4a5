"""What the settings and the models make of each lane."""

from collections.abc import Iterable
from dataclasses import replace

from config.settings import Settings
from daemon.inference.models import Models
from daemon.inference.searches import SearchLimits
from daemon.preparing.steps import Step
from daemon.preparing.transforms import Transforms
from daemon.values.budget import Budget
from daemon.values.lane import Lane, LanePolicy, full_rows
from daemon.windows.window import Window


def make_lanes(settings: Settings, models: Models, *, by_clock: bool = True) -> list[Lane]:
    """Return the lanes of a line; a model that takes fewer rows at once lowers its lanes' N.

    Not `by_clock`: all of them are always open.
    """
    lanes = []
    most = {name: model.session.signature.most_rows for name, model in models.serving.items()}
    for name, lane in settings.lanes.items():
        policy = LanePolicy.of(name, lane, settings.scaling)
        policy = replace(policy, max_rows=full_rows(lane, most))
        budget = Budget(lane.max_waiting, lane.max_waiting_bytes, lane.max_bytes)
        window = Window.of(lane) if by_clock else None
        lanes.append(Lane(policy, tuple(lane.topics), budget, window))
    return lanes


def lane_steps(settings: Settings, lane: Lane, transforms: Transforms) -> tuple[Step, ...]:
    """Return what is done to requests of `lane` before they gather, in order."""
    models = [settings.models[name] for name in settings.lanes[lane.name].models]
    return (transforms.prepare,) if any(model.transform for model in models) else ()


def all_cheap(settings: Settings, lane: Lane, models: Models) -> bool:
    """Return whether no transform of `lane` needs a thread."""
    transforms = [models.serving[name].transform for name in settings.lanes[lane.name].models]
    return all(transform is None or transform.cheap for transform in transforms)


def search_limits(
    settings: Settings, lanes: Iterable[Lane], models: Models
) -> dict[tuple[str, str], SearchLimits]:
    """Return the limits of runs by lane and model."""
    return {
        (lane.name, model): SearchLimits(
            run_s=settings.models[model].run_limit,
            search_s=settings.limits.bisect,
            max_rows=lane.policy.max_rows,
            ladder=models.run_times.ladders[model],
        )
        for lane in lanes
        for model in settings.lanes[lane.name].models
    }
