"""What a sampled daemon did, and at which station. Pure.

1. Time belongs to the innermost function that is at a station: what `daemon/values/`, `daemon/wire/`
   and libraries do, they do for whoever called them.
2. Of several places that hold a function the longest decides: `daemon/kafka/reading/` before
   `daemon/kafka/`.
3. Every microsecond is somebody's: a sample of the main thread stands for all that it did since the
   sample before. What it did in the kernel, and what other threads did, is known by the clocks alone.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import msgspec

Stack: TypeAlias = tuple[str, ...]
"""The functions under way, the innermost first, each as "file:function"."""
Spent: TypeAlias = dict[Stack, float]
"""CPU time by what was done; KERNEL and THREADS are among it."""

KERNEL: Stack = ("kernel: sockets, memory",)
THREADS: Stack = ("other threads",)
REST = "event loop, all else"
_PLACES_OF = {
    "reading records": (
        "daemon/kafka/reading/",
        "daemon/kafka/fetching.py",
        "daemon/kafka/source.py",
        "daemon/line/intake.py",
    ),
    "admission": ("daemon/admission/", "daemon/preparing/"),
    "lanes, cutting batches": ("daemon/batching/", "daemon/line/dispatch.py"),
    "the model's run": ("daemon/inference/", "runtime/"),
    "making replies": ("daemon/answering/",),
    "outbox": ("daemon/line/outbox.py", "daemon/line/destination.py"),
    "encoding replies": (
        "daemon/kafka/writing/record_batch.py",
        "daemon/kafka/writing/record_encoding.py",
    ),
    "Kafka client": ("daemon/kafka/", "aiokafka/", "asyncio/streams.py"),
    "settling, commits, the group": (
        "daemon/line/settlement.py",
        "daemon/line/committer.py",
        "daemon/kafka/group/",
    ),
    "metrics, log": ("daemon/telemetry/",),
}
"""Where each station is: folders, which end with a slash, and files."""
STATION_AT = {place: station for station, places in _PLACES_OF.items() for place in places}
"""The station of each place: a folder with its slash, or a file."""
STATIONS = (*_PLACES_OF, REST, *KERNEL, *THREADS)
"""In the order of the line."""


class StackSample(NamedTuple):
    """The clocks at one moment, in seconds; those of CPU time began with the process."""

    at_s: float
    """Monotonic: other processes of the machine have the same."""
    user_s: float
    """CPU time of the main thread outside the kernel."""
    kernel_s: float
    """CPU time of the main thread in it."""
    all_s: float
    """CPU time of all threads."""
    stack: int
    """Which of the profile's the main thread was at."""


class Profile(msgspec.Struct, frozen=True):
    """All that was seen of one process."""

    stacks: list[Stack]
    samples: list[StackSample]


def spent_s(profile: Profile, begin_s: float, end_s: float) -> Spent:
    """Return the seconds that were spent between two moments."""
    spent = {KERNEL: 0.0, THREADS: 0.0}
    for last, sample in pairwise(profile.samples):
        if begin_s < sample.at_s <= end_s:
            stack = profile.stacks[sample.stack]
            user_s, kernel_s = sample.user_s - last.user_s, sample.kernel_s - last.kernel_s
            spent[stack] = spent.get(stack, 0.0) + user_s
            spent[KERNEL] += kernel_s
            spent[THREADS] += sample.all_s - last.all_s - user_s - kernel_s
    return spent


def station(stack: Stack) -> str:
    """Return which of STATIONS this time belongs to."""
    if stack in {KERNEL, THREADS}:
        return stack[0]
    for function in stack:
        places = [place for place in STATION_AT if function.startswith(place)]
        if places:
            return STATION_AT[max(places, key=len)]
    return REST


def by_station(spent: Mapping[Stack, float]) -> dict[str, float]:
    """Return the sum of each of STATIONS."""
    sums = dict.fromkeys(STATIONS, 0.0)
    for stack, its in spent.items():
        sums[station(stack)] += its
    return sums


def folded(spent: Mapping[Stack, float]) -> str:
    """Return a line for each stack, the outermost function first, and its nanoseconds, as whole.

    What draws flame graphs reads that: flamegraph.pl, inferno, speedscope. `spent` is in us.
    """
    lines = [f"{';'.join(reversed(stack))} {its * 1000:.0f}" for stack, its in spent.items()]
    return "\n".join(sorted(lines)) + "\n"
