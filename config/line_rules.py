"""What must hold between settings of the line: how much lanes hold, and how long things may take.

Each rule yields one line per breach: both settings with their values, the consequence, the remedy.
"""

from collections.abc import Iterator

from config.settings import Lane, Settings
from config.units import format_duration, format_size

_USUAL_FORM = Lane.model_fields["content_type"].default


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
    run_fits_drain,
    publishing_fits_drain,
    run_fits_search,
    work_is_no_stall,
    late_transform_is_no_stall,
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
