"""How much memory a worker may come to use, from its settings. Pure.

An upper bound for planning: limits of containers and the number of workers on a host.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from config.settings import Lane, Settings
from config.transform_tables import ImageTransform
from runtime.signature import Signature, TensorSpec

_REQUEST_OBJECTS_BYTES = 2 * 2**10
"""Python's objects for a request from fetch to acknowledged reply: 1.4 KiB measured with two
headers and a 64-byte body (record 0.6, request 0.2, answer 0.6); the rest is the allocator's."""
_ADMITTED_BYTES = 2 * 2**20
"""What is fetched and admitted in one go (daemon.line.intake), by which lanes pass their limits."""
_DECODED_RATIO = 16
"""How far a body grows when it is decoded: `0,` of JSON is 32 bytes as Python has it."""
_PREPARING = 4
"""Groups of a lane that transforms are at work on, by which it passes its limit (daemon.preparing.steps)."""
_PREPARING_EACH = 2
"""The same for each process that runs a transform of it, where that comes to more."""
_PROCESS_COPIES = 2
"""A transform's process has what it makes, and may have to put it in order to send it."""
_TRANSFORM_THREADS = 2
"""Calls of transforms at a time, of all models that have no processes (daemon.preparing.transform_threads)."""
_PIXEL_BYTES = 16
"""A pixel of WebP while it is decoded; of JPEG and PNG 4 to 9, measured with Pillow 13."""
_GROUP_BYTES = 2**20
"""A group comes back with the request by which it has more (daemon.preparing.time_slices)."""
_RESPONSE_BYTES = 8 * 2**20
"""Largest answer of a broker to a fetch, of which each lane has its own (daemon.kafka.reading.room)."""
_BROKERS = 3
"""Brokers that answer at a time, as many as most clusters have for a topic."""
_RESPONSE_COPIES = 2
"""An answer is held thrice while it is read and taken apart; the third is what is kept."""
_WINDOW_BYTES = 2 * 2**20
"""A batch that is unpacked and not yet all taken; larger ones have a place together."""
_UNPACKED_RATIO = 64
"""How far a fetched batch may unpack; daemon.kafka.reading.decompression refuses more."""
_OUTPUT_COPIES = 2
"""A batch's outputs, and the replies made of them."""
_MIB = 2**20


class MemoryLimit(NamedTuple):
    """What a process may have, and who says so; a host's is what all of its processes share."""

    size_bytes: int
    of: Literal["cgroup", "host"]

    def __str__(self) -> str:
        """What `tidemill check` shows."""
        return f"this {self.of} has {_mib(self.size_bytes)}"


class MemoryBudget(NamedTuple):
    """Bytes by what they are for; `idle` is the worker with warm models and nothing to do."""

    idle_bytes: int
    requests_bytes: int
    objects_bytes: int
    prepared_bytes: int
    replies_bytes: int
    fetch_bytes: int
    unpacking_bytes: int
    batches_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return sum(self)

    def __str__(self) -> str:
        """The line of the start of a worker."""
        return (
            f"up to {_mib(self.total_bytes)}: {_mib(self.idle_bytes)} idle, "
            f"{_mib(self.requests_bytes)} for requests, {_mib(self.objects_bytes)} to keep track "
            f"of them, {_mib(self.prepared_bytes)} that transforms make of them, "
            f"{_mib(self.replies_bytes)} for replies that wait, "
            f"{_mib(self.fetch_bytes)} for fetch buffers, {_mib(self.unpacking_bytes)} "
            f"to unpack, {_mib(self.batches_bytes)} for batches"
        )

    def shortage(self, limit: MemoryLimit) -> str:
        """Return what is wrong if this is more than `limit`, and what to do; empty when it is not."""
        if self.total_bytes <= limit.size_bytes:
            return ""
        largest = max(_LOWERED_BY, key=lambda part: int(getattr(self, part)))
        return (
            f"a worker may come to use {_mib(self.total_bytes)}, and the {limit.of} has "
            f"{_mib(limit.size_bytes)}: the kernel may kill it; give it more, or lower "
            f"{_LOWERED_BY[largest]}"
        )


_LOWERED_BY = {
    "requests_bytes": "lanes.NAME.max_waiting_bytes",
    "objects_bytes": "lanes.NAME.max_waiting",
    "prepared_bytes": "lanes.NAME.max_waiting_bytes, limits.prepared_bytes and max_pixels of transforms",
    "replies_bytes": "lanes.NAME.max_bytes",
    "fetch_bytes": "kafka.fetch_bytes",
    "unpacking_bytes": "kafka.fetch_bytes",
    "batches_bytes": "lanes.NAME.max_bytes and lanes.NAME.max_rows",
}
"""The settings by which each part gets smaller; nothing does that for the idle worker."""


def worker_budget(
    settings: Settings,
    signatures: Mapping[str, Signature],
    *,
    partitions: int,
    idle_bytes: int,
) -> MemoryBudget:
    """Return the bound for a worker whose models have these `signatures`; see memory_budget."""
    return memory_budget(
        settings,
        partitions=partitions,
        idle_bytes=idle_bytes,
        rows={name: RowBytes.of(signature) for name, signature in signatures.items()},
    )


class RowBytes(NamedTuple):
    """What a row of a model takes at least: tensors whose shape is not known count nothing."""

    inputs: int
    outputs: int

    @classmethod
    def of(cls, signature: Signature) -> "RowBytes":
        """Return what a model of this `signature` says."""
        return cls(_least_bytes(signature.inputs), _least_bytes(signature.outputs))

    def most_outputs(self, max_rows: int, inputs_bytes: int) -> int:
        """Return the bytes of the outputs of `max_rows` with so many bytes of inputs, at least of one."""
        return min(max_rows, max(inputs_bytes // max(self.inputs, 1), 1)) * self.outputs


def _least_bytes(specs: Sequence[TensorSpec]) -> int:
    return sum(spec.row_bytes or 0 for spec in specs)


def memory_budget(
    settings: Settings,
    *,
    partitions: int,
    idle_bytes: int,
    rows: Mapping[str, RowBytes],
) -> MemoryBudget:
    """Return the bound for a worker that owns all `partitions` of its lanes' topics.

    `idle_bytes` is measured, since it is the model's and the libraries'. `rows` are the models', by
    name; outputs that are larger than that are taken to be as large as their inputs. On top come
    outputs of a request that has more than N rows, what transforms need while they make something,
    and their replies to a batch that has run, where those are larger than what they are made of.
    """
    lanes = settings.lanes.values()
    fetched = partitions * settings.kafka.fetch_bytes
    answered = _BROKERS * len(lanes) * max(_RESPONSE_BYTES, settings.kafka.fetch_bytes)
    growth = _DECODED_RATIO * (_ADMITTED_BYTES + settings.limits.request_bytes)
    # Beside those that run and the one that waits behind them, one is being answered.
    batches = settings.limits.most_batches + 1
    return MemoryBudget(
        idle_bytes=idle_bytes,
        # A lane's limit is passed by at most what was admitted when it was reached.
        requests_bytes=sum(lane.max_waiting_bytes for lane in lanes) + growth,
        objects_bytes=sum(lane.max_waiting for lane in lanes) * _REQUEST_OBJECTS_BYTES,
        prepared_bytes=sum(_prepared_bytes(name, settings) for name in settings.lanes)
        + _in_processes_bytes(settings)
        + _decoded_bytes(settings),
        fetch_bytes=fetched + _RESPONSE_COPIES * min(fetched, answered),
        unpacking_bytes=_UNPACKED_RATIO * settings.kafka.fetch_bytes + len(lanes) * _WINDOW_BYTES,
        # Beyond these nothing more of the lane is run, or seen by its transforms.
        replies_bytes=sum(lane.max_bytes for lane in lanes),
        batches_bytes=batches * max(_batch_bytes(lane, settings, rows) for lane in lanes),
    )


def _prepared_bytes(name: str, settings: Settings) -> int:
    """Return how much transforms may make of what lane `name` holds."""
    lane = settings.lanes[name]
    if not _has_transforms(lane, settings):
        return 0
    request_bytes = settings.limits.prepared_bytes
    groups = max(_PREPARING, _PREPARING_EACH * settings.transform_processes_of(name))
    under_way_bytes = groups * (_GROUP_BYTES + request_bytes)
    return min(lane.max_waiting * request_bytes, lane.max_waiting_bytes + under_way_bytes)


def _in_processes_bytes(settings: Settings) -> int:
    """Return what processes of transforms may hold of requests."""
    processes = sum(model.transform_processes for model in settings.models.values())
    return processes * _PROCESS_COPIES * settings.limits.prepared_bytes


def _decoded_bytes(settings: Settings) -> int:
    """Return what pictures may take, of ready-made transforms, while they are decoded."""
    pixels = [
        (model.transform_processes, model.transform.max_pixels)
        for model in settings.models.values()
        if isinstance(model.transform, ImageTransform)
    ]
    in_threads = max((most for processes, most in pixels if not processes), default=0)
    in_processes = sum(processes * most for processes, most in pixels)
    return _PIXEL_BYTES * (_TRANSFORM_THREADS * in_threads + in_processes)


def _batch_bytes(lane: Lane, settings: Settings, rows: Mapping[str, RowBytes]) -> int:
    """Return what a batch takes at most: its joined inputs, its outputs, the replies made of them.

    A request that is larger than a batch runs alone, where nothing is joined.
    """

    def outputs_of(inputs_bytes: int) -> int:
        known = [rows[name].most_outputs(lane.max_rows, inputs_bytes) for name in lane.models]
        return _OUTPUT_COPIES * max(inputs_bytes, *known)

    joined_bytes = lane.max_bytes + outputs_of(lane.max_bytes)
    if not _has_transforms(lane, settings):
        return joined_bytes
    return max(joined_bytes, outputs_of(settings.limits.prepared_bytes))


def _has_transforms(lane: Lane, settings: Settings) -> bool:
    return any(settings.models[name].transform for name in lane.models)


def _mib(size_bytes: int) -> str:
    return f"{-(-size_bytes // _MIB)} MiB"
