"""What `check --lengths` says: how full batches get, and what of them is padding, by the step of `pad`. Pure.

As many requests as a lane's N come within its linger, the rate that N and linger are chosen for. Of n of them
that come in that time a length with the share p has n p; a batch begins with the first, so it gets
1 + n p, at most N.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from config.settings import Settings
from daemon.commands.findings import CheckFinding
from daemon.values.lane import full_rows
from runtime.signature import Signature

_STEPS = (1, 8, 16, 32, 64, 128)
_EXACT = 1


class BadLengths(ValueError):
    """A file of lengths cannot be read; the message says what is wrong."""


def read_lengths(text: str) -> list[int]:
    """Return the lengths in `text`, one a line; raises BadLengths."""
    lengths = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if not line.strip().isdecimal() or not int(line):
            raise BadLengths(f"line {number} is no whole number above 0")
        lengths.append(int(line))
    if not lengths:
        raise BadLengths("it has no lengths, one a line")
    return lengths


def waste(
    settings: Settings, signatures: Mapping[str, Signature], lengths: Sequence[int]
) -> Iterator[CheckFinding]:
    """Yield for each lane and each of its models with free axes what steps make of `lengths`."""
    if all(signature.one_shape for signature in signatures.values()):
        yield CheckFinding(
            "lengths", "all rows of all models have one shape: nothing is to be padded"
        )
    most_rows = {model: signature.most_rows for model, signature in signatures.items()}
    for name, lane in settings.lanes.items():
        max_rows = full_rows(lane, most_rows)
        for model in lane.models:
            signature = signatures[model]
            if not signature.one_shape:
                yield CheckFinding(
                    f"lengths, lane {name}", _told_of(model, signature, max_rows, lengths)
                )


def _told_of(model: str, signature: Signature, max_rows: int, lengths: Sequence[int]) -> str:
    if max_rows == 1:
        return f"a batch of model {model} has one row, whatever the step"
    own = [] if signature.padding is None else [axis.step for axis in signature.padding.axes]
    steps = sorted({*_STEPS, *own})
    told = " · ".join(_told(lengths, step, max_rows, chosen=step in own) for step in steps)
    return (
        f"rows a batch of model {model} where {max_rows} requests come within linger, and the"
        f" share of padding, by step: {told}"
    )


def _told(lengths: Sequence[int], step: int, max_rows: int, *, chosen: bool) -> str:
    rows = f"{rows_a_batch(lengths, step, max_rows):.1f}"
    if step == _EXACT:
        return f"none {rows}"
    mark = " (set)" if chosen else ""
    return f"{step}{mark} {rows}, {padding_share(lengths, step):.0%}"


def rows_a_batch(lengths: Sequence[int], step: int, max_rows: int) -> float:
    """Return the rows of a batch on average, where `max_rows` requests come within linger."""
    shares = [
        count / len(lengths) for count in Counter(_padded(each, step) for each in lengths).values()
    ]
    return 1 / sum(share / min(1 + max_rows * share, max_rows) for share in shares)


def padding_share(lengths: Sequence[int], step: int) -> float:
    """Return which share of what runs is padding."""
    return 1 - sum(lengths) / sum(_padded(each, step) for each in lengths)


def _padded(length: int, step: int) -> int:
    return -(-length // step) * step
