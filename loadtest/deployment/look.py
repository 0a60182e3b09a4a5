"""The daemon as its metrics show it at one time. Pure."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Look(NamedTuple):
    """The daemon at one time of the run: all its processes together. NaN is what it does not say."""

    at_s: float
    busy_s: float
    """Seconds that its executors have run models since the first look."""
    memory_bytes: float
    descriptors: float
    lag_records: float = math.nan
    """Records not yet answered, over its topics: the whole group's where it says that."""
    flushes: Mapping[tuple[str, ...], int] = MappingProxyType({})
    """Batches by lane and by why they closed, counted as `busy_s` is."""
    executors: int = 1
    """How many there are: one in each worker."""
