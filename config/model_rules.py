"""What must hold between settings of models, and who has models.

Each rule yields one line per breach: both settings with their values, the consequence, the remedy.
"""

import difflib
from collections.abc import Iterator

from config.settings import Range, Settings


def models_exist(settings: Settings) -> Iterator[str]:
    """A lane serves models that are there."""
    for name, lane in settings.lanes.items():
        for model in [model for model in lane.models if model not in settings.models]:
            close = difflib.get_close_matches(model, settings.models, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"add a table [models.{model}]"
            yield f'lanes.{name}.models names "{model}", and there is no models.{model}; {remedy}'


def models_are_served(settings: Settings) -> Iterator[str]:
    """A model in no lane would be loaded for nobody."""
    served = {model for lane in settings.lanes.values() for model in lane.models}
    for model in [model for model in settings.models if model not in served]:
        yield (
            f"models.{model} is in no lane's models: no request could reach it; add it to"
            " lanes.NAME.models or remove it"
        )


def model_range_is_not_empty(settings: Settings) -> Iterator[str]:
    """Some value must pass."""
    for name, model in settings.models.items():
        place = f"models.{name}"
        yield from _empty_range(place, place, Range(model.minimum, model.maximum))
        for tensor, own in model.inputs.items():
            if own.minimum is None and own.maximum is None:
                continue
            least_in = place if own.minimum is None else f"{place}.inputs.{tensor}"
            most_in = place if own.maximum is None else f"{place}.inputs.{tensor}"
            yield from _empty_range(least_in, most_in, model.range_of(tensor))


def _empty_range(least_in: str, most_in: str, bounds: Range) -> Iterator[str]:
    """Yield what is wrong with `bounds`, of which the lower is set in the one table, the upper in the other."""
    least, most = bounds
    if least is not None and most is not None and least > most:
        yield (
            f"{least_in}.minimum ({least:g}) is above {most_in}.maximum ({most:g}): every"
            " input would be invalid; swap them"
        )


def padded_axes_have_one_step(settings: Settings) -> Iterator[str]:
    """Inputs that share an axis are filled up to one length."""
    for name, model in settings.models.items():
        first: dict[str, tuple[str, int | str]] = {}
        for tensor, own in model.inputs.items():
            if own.pad is None or "step" not in own.pad.model_fields_set:
                continue
            other, step = first.setdefault(own.pad.axis, (tensor, own.pad.step))
            if step != own.pad.step:
                yield (
                    f"models.{name}.inputs.{other}.pad.step ({step}) and"
                    f" models.{name}.inputs.{tensor}.pad.step ({own.pad.step}) are of one axis,"
                    f' "{own.pad.axis}"; leave one of them out'
                )


def padded_models_have_rows(settings: Settings) -> Iterator[str]:
    """A request that is a run of its own shares it with none."""
    for name, model in settings.models.items():
        for tensor in [tensor for tensor, own in model.inputs.items() if own.pad is not None]:
            if model.batch == "none":
                yield (
                    f"models.{name}.inputs.{tensor}.pad lets requests of different lengths share batches, and"
                    f' models.{name}.batch is "none": each runs alone; remove one of them'
                )


def samples_are_not_too_long(settings: Settings) -> Iterator[str]:
    """The sample is a request that the model takes."""
    for name, model in settings.models.items():
        for tensor, own in model.inputs.items():
            longest = None if own.pad is None else own.pad.longest
            if longest is not None and model.sample_axis > longest:
                yield (
                    f"models.{name}.sample_axis ({model.sample_axis}) is beyond"
                    f" models.{name}.inputs.{tensor}.pad.longest ({longest}); lower it"
                )


def whole_tensors_have_no_rows(settings: Settings) -> Iterator[str]:
    """Where a request is a run of its own no axis is that of rows."""
    for name, model in settings.models.items():
        if model.batch == "none" and model.batch_axis:
            yield (
                f'models.{name}.batch is "none" and models.{name}.batch_axis names'
                f" {', '.join(model.batch_axis)}: tensors that go in and out whole have no axis of"
                " rows; remove one of the two"
            )


def constants_have_no_rows(settings: Settings) -> Iterator[str]:
    """What is the same for all rows has none itself."""
    for name, model in settings.models.items():
        for tensor in [each for each in model.constants if each in model.batch_axis]:
            yield (
                f"models.{name}.constants and models.{name}.batch_axis both name {tensor}: what is the"
                " same in each run has no axis of rows; remove one of the two"
            )


def cuda_options_have_a_gpu(settings: Settings) -> Iterator[str]:
    """What is said to the CUDA provider is heard only by it."""
    for name, model in settings.models.items():
        if model.device == "cpu" and model.cuda.model_fields_set:
            yield (
                f"models.{name}.cuda sets {', '.join(sorted(model.cuda.model_fields_set))}, but"
                f' models.{name}.device is "cpu", which knows nothing of it; remove it, or set device to'
                ' "cuda" or "auto"'
            )


def executors_have_a_gpu(settings: Settings) -> Iterator[str]:
    """On the CPU two runs would take each other's cores."""
    executors = settings.limits.executors
    for name, model in settings.models.items():
        if executors > 1 and model.device != "cuda":
            yield (
                f'limits.executors ({executors}) is for GPUs, and models.{name}.device is "{model.device}":'
                " on the CPU runs at the same time would take each other's cores; set"
                f' models.{name}.device to "cuda", or limits.executors to 1'
            )


def transform_workers_have_work(settings: Settings) -> Iterator[str]:
    """Nobody starts processes for nothing."""
    for name, model in settings.models.items():
        if model.transform_processes and not model.transform:
            yield (
                f'models.{name}.transform_workers is "{model.transform_workers}", and models.{name} has no'
                " transform; remove it, or name a transform"
            )


RULES = (
    models_exist,
    models_are_served,
    model_range_is_not_empty,
    padded_axes_have_one_step,
    padded_models_have_rows,
    samples_are_not_too_long,
    whole_tensors_have_no_rows,
    constants_have_no_rows,
    cuda_options_have_a_gpu,
    executors_have_a_gpu,
    transform_workers_have_work,
)
