"""What `check` says of memory: what a worker may come to use, and rows that no batch has room for. Pure."""

from collections.abc import Iterator, Mapping

from config.settings import Settings
from config.units import format_size
from daemon.commands.findings import CheckFinding
from daemon.process.memory import MemoryLimit, worker_budget
from runtime.signature import Signature


def footprint(
    settings: Settings,
    signatures: Mapping[str, Signature],
    *,
    partitions: int,
    idle_bytes: int,
    limit: MemoryLimit | None,
) -> Iterator[CheckFinding]:
    """Yield what is to be said of a worker with models of these `signatures`, all of them warm.

    `partitions` are those of all request topics, 0 when they are not known. `limit` is what a worker
    may have here.
    """
    yield from _batches(settings, signatures)
    topics = sum(len(lane.topics) for lane in settings.lanes.values())
    budget = worker_budget(
        settings, signatures, partitions=partitions or topics, idle_bytes=idle_bytes
    )
    told = f"{budget}; partitions: {partitions or 'taken for one a topic'}"
    if limit is None:
        yield CheckFinding("memory", told)
    else:
        yield CheckFinding("memory", f"{told}; {limit}", warning=budget.shortage(limit))


def _batches(settings: Settings, signatures: Mapping[str, Signature]) -> Iterator[CheckFinding]:
    """Yield the lanes whose batches have no room for as many rows of a model as they may have."""
    for name, lane in settings.lanes.items():
        for model in lane.models:
            signature = signatures[model]
            most_rows = min(lane.max_rows, signature.most_rows or lane.max_rows)
            row_bytes = sum(spec.row_bytes or 0 for spec in signature.inputs)
            if most_rows * row_bytes > lane.max_bytes:
                warning = (
                    f"{most_rows} rows of model {model} take {format_size(most_rows * row_bytes)}, so"
                    f" batches close at {max(1, lane.max_bytes // row_bytes)} rows; raise"
                    f" lanes.{name}.max_bytes, or lower max_rows"
                )
                detail = f"at most {format_size(lane.max_bytes)} a batch"
                yield CheckFinding(f"lane {name}", detail, warning=warning)
