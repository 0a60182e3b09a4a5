"""What must hold between settings that concern the line: models, lanes, limits.

Each rule yields one line per breach: both settings with their values, the consequence, the remedy.
"""

import difflib
from collections.abc import Iterator

from config.settings import Lane, Range, Settings
from config.units import format_duration, format_size

_USUAL_FORM = Lane.model_fields["content_type"].default


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


def padded_models_have_rows(settings: Settings) -> Iterator[str]:
    """A request that is a run of its own shares it with none."""
    for name, model in settings.models.items():
        for tensor in [tensor for tensor, own in model.inputs.items() if own.pad is not None]:
            if model.batch == "none":
                yield (
                    f"models.{name}.inputs.{tensor}.pad lets requests of different lengths share batches, and"
                    f' models.{name}.batch is "none": each runs alone; remove one of them'
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


def run_fits_drain(settings: Settings) -> Iterator[str]:
    """What runs at SIGTERM is answered before the exit."""
    drain = settings.limits.drain
    for name, model in settings.models.items():
        if model.run_limit > drain:
            yield (
                f"limits.drain ({format_duration(drain)}) is shorter than models.{name}.run_limit"
                f" ({format_duration(model.run_limit)}): a run that SIGTERM meets would be thrown"
                f" away; raise limits.drain to {format_duration(model.run_limit)} or more"
            )


def publishing_fits_drain(settings: Settings) -> Iterator[str]:
    """Answers are waited for no longer than the process lives."""
    publish, drain = settings.limits.publish, settings.limits.drain
    if publish > drain:
        yield (
            f"limits.drain ({format_duration(drain)}) is shorter than limits.publish"
            f" ({format_duration(publish)}): the exit would come before the broker's answer; raise"
            f" limits.drain to {format_duration(publish)} or lower limits.publish"
        )


def run_fits_search(settings: Settings) -> Iterator[str]:
    """A search that must judge after its first run tries one request after the other."""
    search = settings.limits.bisect
    for name, model in settings.models.items():
        if model.run_limit > search:
            yield (
                f"limits.bisect ({format_duration(search)}) is shorter than models.{name}.run_limit"
                f" ({format_duration(model.run_limit)}): a batch whose run took too long would be"
                f" tried request by request, each with its full time; raise limits.bisect to {format_duration(model.run_limit)} or more"
            )


def work_is_no_stall(settings: Settings) -> Iterator[str]:
    """A worker ended in the middle of a search would meet the same requests again, for ever.

    The longest time without an answer is that of a search, of the run that then judges one request
    (daemon/inference/searches.py, rule 3), and of the broker.
    """
    limits = settings.limits
    for name, model in settings.models.items():
        longest = round(limits.bisect + model.run_limit + limits.publish, 6)
        if longest > limits.stall:
            yield (
                f"limits.stall ({format_duration(limits.stall)}) is shorter than limits.bisect"
                f" ({format_duration(limits.bisect)}), models.{name}.run_limit"
                f" ({format_duration(model.run_limit)}) and limits.publish"
                f" ({format_duration(limits.publish)}) together: a worker within its limits would"
                f" be taken for a stalled one; raise limits.stall to {format_duration(longest)} or"
                " more"
            )


def late_transform_is_no_stall(settings: Settings) -> Iterator[str]:
    """A worker ended before a call is told to be late would meet the same request again, for ever."""
    limits = settings.limits
    for name, model in settings.models.items():
        longest = round(model.transform_limit + limits.publish, 6)
        if model.transform and longest > limits.stall:
            yield (
                f"limits.stall ({format_duration(limits.stall)}) is shorter than"
                f" models.{name}.transform_limit ({format_duration(model.transform_limit)}) and"
                f" limits.publish ({format_duration(limits.publish)}) together: a worker within its"
                f" limits would be taken for a stalled one; raise limits.stall to"
                f" {format_duration(longest)} or more"
            )


def transform_workers_have_work(settings: Settings) -> Iterator[str]:
    """Nobody starts processes for nothing."""
    for name, model in settings.models.items():
        if model.transform_processes and not model.transform:
            yield (
                f'models.{name}.transform_workers is "{model.transform_workers}", and models.{name} has no'
                " transform; remove it, or name a transform"
            )


def timeout_fits_maximum(settings: Settings) -> Iterator[str]:
    """The default is not more than may be asked for."""
    for name, lane in settings.lanes.items():
        if lane.timeout is not None and lane.timeout > lane.max_timeout:
            yield (
                f"lanes.{name}.timeout ({format_duration(lane.timeout)}) is longer than"
                f" lanes.{name}.max_timeout ({format_duration(lane.max_timeout)}): requests that ask"
                " for nothing would get more than those that ask; raise max_timeout"
            )


def timeout_outlasts_linger(settings: Settings) -> Iterator[str]:
    """Where every request expires within T, T means nothing."""
    for name, lane in settings.lanes.items():
        if lane.timeout is not None and lane.timeout <= lane.linger:
            yield (
                f"lanes.{name}.timeout ({format_duration(lane.timeout)}) is not longer than"
                f" lanes.{name}.linger ({format_duration(lane.linger)}): every batch would be cut"
                " short by a deadline; lower linger or raise timeout"
            )


def content_type_is_used(settings: Settings) -> Iterator[str]:
    """A transform takes every body as it is."""
    for name, lane in settings.lanes.items():
        models = [settings.models[model] for model in lane.models if model in settings.models]
        if lane.content_type != _USUAL_FORM and all(model.transform for model in models):
            yield (
                f'lanes.{name}.content_type is "{lane.content_type}", but each of'
                f" lanes.{name}.models has a transform, which takes every body as it is; remove"
                " content_type"
            )


def rows_fit_budget(settings: Settings) -> Iterator[str]:
    """A lane that is full before its batch is gets no full batch."""
    for name, lane in settings.lanes.items():
        if lane.max_rows > lane.max_waiting:
            yield (
                f"lanes.{name}.max_rows ({lane.max_rows}) is more than lanes.{name}.max_waiting"
                f" ({lane.max_waiting}): no batch could fill up; raise max_waiting, best to several"
                " batches"
            )


def batch_fits_budget(settings: Settings) -> Iterator[str]:
    """The same in bytes."""
    for name, lane in settings.lanes.items():
        if lane.max_bytes > lane.max_waiting_bytes:
            yield (
                f"lanes.{name}.max_bytes ({format_size(lane.max_bytes)}) is more than"
                f" lanes.{name}.max_waiting_bytes ({format_size(lane.max_waiting_bytes)}): no batch"
                " could grow so large; raise max_waiting_bytes, best to several batches"
            )


def request_fits_batch(settings: Settings) -> Iterator[str]:
    """What is admitted can be batched."""
    largest = settings.limits.request_bytes
    for name, lane in settings.lanes.items():
        if largest > lane.max_bytes:
            yield (
                f"limits.request_bytes ({format_size(largest)}) is more than lanes.{name}.max_bytes"
                f" ({format_size(lane.max_bytes)}): a request that is allowed would exceed every"
                f" batch; raise lanes.{name}.max_bytes or lower limits.request_bytes"
            )


def request_fits_fetch(settings: Settings) -> Iterator[str]:
    """What is admitted can be fetched."""
    largest, fetch = settings.limits.request_bytes, settings.kafka.fetch_bytes
    if largest > fetch:
        yield (
            f"limits.request_bytes ({format_size(largest)}) is more than kafka.fetch_bytes"
            f" ({format_size(fetch)}): a request that is allowed could not be fetched with others;"
            f" raise kafka.fetch_bytes to {format_size(largest)} or more"
        )


def fetch_fits_budget(settings: Settings) -> Iterator[str]:
    """A lane's budget is passed by at most one fetch, which must be small against it."""
    fetch = settings.kafka.fetch_bytes
    for name, lane in settings.lanes.items():
        if fetch > lane.max_waiting_bytes:
            yield (
                f"kafka.fetch_bytes ({format_size(fetch)}) is more than"
                f" lanes.{name}.max_waiting_bytes ({format_size(lane.max_waiting_bytes)}): one fetch"
                f" could bring more than the lane may hold; raise max_waiting_bytes or lower"
                " kafka.fetch_bytes"
            )


def rows_fit_uncommitted(settings: Settings) -> Iterator[str]:
    """A batch may hold a partition back for as long as it gathers."""
    most = settings.kafka.max_uncommitted
    for name, lane in settings.lanes.items():
        if lane.max_rows > most:
            yield (
                f"lanes.{name}.max_rows ({lane.max_rows}) is more than kafka.max_uncommitted"
                f" ({most}): batches of one partition would be cut short; raise"
                " kafka.max_uncommitted"
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
    run_fits_drain,
    publishing_fits_drain,
    run_fits_search,
    work_is_no_stall,
    late_transform_is_no_stall,
    transform_workers_have_work,
    timeout_fits_maximum,
    timeout_outlasts_linger,
    content_type_is_used,
    rows_fit_budget,
    batch_fits_budget,
    request_fits_batch,
    request_fits_fetch,
    fetch_fits_budget,
    rows_fit_uncommitted,
)
