"""How much memory a worker may come to use, from its settings. Pure.

An upper bound for planning: limits of containers and the number of workers on a host.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from config.settings import Lane, Settings
from runtime.signature import Signature, TensorSpec

_REQUEST_OBJECTS_BYTES = 2 * 2**10
"""Python's objects for a request from fetch to acknowledged reply: 1.4 KiB measured with two
headers and a 64-byte body (record 0.6, request 0.2, answer 0.6); the rest is the allocator's."""
_ADMITTED_BYTES = 2 * 2**20
"""What is fetched and admitted in one go (daemon.line.intake), by which lanes pass their limits."""
_DECODED_RATIO = 16
"""How far a body grows when it is decoded: `0,` of JSON is 32 bytes as Python has it."""
_PREPARING = 256
"""Requests of a lane that transforms are at work on, by which it passes its limit
(daemon.preparing.steps: four groups of at most 64)."""
_RESPONSE_BYTES = 8 * 2**20
"""Largest answer of a broker to a fetch (daemon.kafka.reading.room)."""
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
    "prepared_bytes": "lanes.NAME.max_waiting_bytes and lanes.NAME.max_waiting",
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
        prepared_row_bytes={
            name: _row_bytes(signature.inputs) if signature.one_shape else 0
            for name, signature in signatures.items()
            if settings.models[name].transform
        },
        output_row_bytes={
            name: _row_bytes(signature.outputs) for name, signature in signatures.items()
        },
    )


def _row_bytes(specs: Sequence[TensorSpec]) -> int:
    """Return the bytes of a row, without what is not known."""
    return sum(spec.row_bytes or 0 for spec in specs)


def memory_budget(
    settings: Settings,
    *,
    partitions: int,
    idle_bytes: int,
    prepared_row_bytes: Mapping[str, int],
    output_row_bytes: Mapping[str, int],
) -> MemoryBudget:
    """Return the bound for a worker that owns all `partitions` of its lanes' topics.

    `idle_bytes` is measured, since it is the model's and the libraries'. `prepared_row_bytes` has,
    for models with a transform, the bytes of one row of inputs, 0 where it is not known;
    `output_row_bytes` those of a row of outputs, 0 where it is not known, and then a batch's outputs
    are taken to be as large as its inputs. On top come the further rows of transforms that make
    several of one request, while they are made, and replies of theirs that are larger than what they
    are made of, for the requests that they are at work on (_PREPARING of a lane, and batches that ran).
    """
    lanes = settings.lanes.values()
    fetched = partitions * settings.kafka.fetch_bytes
    answered = _BROKERS * max(_RESPONSE_BYTES, settings.kafka.fetch_bytes)
    growth = _DECODED_RATIO * (_ADMITTED_BYTES + settings.limits.request_bytes)
    # Beside those that run and the one that waits behind them, one is being answered.
    batches = settings.limits.most_batches + 1
    return MemoryBudget(
        idle_bytes=idle_bytes,
        # A lane's limit is passed by at most what was admitted when it was reached.
        requests_bytes=sum(lane.max_waiting_bytes for lane in lanes) + growth,
        objects_bytes=sum(lane.max_waiting for lane in lanes) * _REQUEST_OBJECTS_BYTES,
        prepared_bytes=sum(_prepared_bytes(lane, prepared_row_bytes) for lane in lanes),
        fetch_bytes=fetched + _RESPONSE_COPIES * min(fetched, answered),
        unpacking_bytes=_UNPACKED_RATIO * settings.kafka.fetch_bytes + len(lanes) * _WINDOW_BYTES,
        # Beyond these nothing more of the lane is run, or seen by its transforms.
        replies_bytes=sum(lane.max_bytes for lane in lanes),
        batches_bytes=batches
        * max(
            lane.max_bytes
            + _OUTPUT_COPIES
            * max(
                lane.max_bytes,
                *[lane.max_rows * output_row_bytes.get(name, 0) for name in lane.models],
            )
            for lane in lanes
        ),
    )


def _prepared_bytes(lane: Lane, row_bytes: Mapping[str, int]) -> int:
    """Return how much transforms may make of what `lane` holds."""
    rows_bytes = [row_bytes[name] for name in lane.models if name in row_bytes]
    if not rows_bytes:
        return 0
    most_bytes = lane.max_waiting_bytes + _PREPARING * max(rows_bytes)
    return min(lane.max_waiting * max(rows_bytes), most_bytes) if all(rows_bytes) else most_bytes


def _mib(size_bytes: int) -> str:
    return f"{-(-size_bytes // _MIB)} MiB"
