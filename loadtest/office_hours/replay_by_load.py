"""A whole day, compressed, before a live supervisor whose workers follow the load."""

from collections.abc import Sequence

import numpy as np

from loadtest.office_hours.computed.by_clock import DAY_FROM_S, DAY_TO_S
from loadtest.office_hours.computed.by_load import Rules, follow
from loadtest.office_hours.computed.day import Cost
from loadtest.office_hours.documents import LANES, TOPICS
from loadtest.office_hours.supervised import (
    COMMIT_S,
    LOOK_S,
    Replayed,
    Told,
    beside,
    supervise,
    written,
)
from loadtest.scenario.rates import Times
from loadtest.traffic.records import Counts

FACTOR = 960.0
"""A day in a minute and a half."""
IDLE_S = 1.0
"""scaling.idle of the replay."""
_GRACE_S = 60.0


def lanes_of(times_s: Times) -> Counts:
    """Return the lane of each request: 0 by day, 1 at night. Pure."""
    by_day = (times_s >= DAY_FROM_S) & (times_s < DAY_TO_S)
    return np.where(by_day, 0, 1).astype(np.int32)


def replay(
    bootstrap: str,
    times_s: Times,
    lingers_s: Sequence[float],
    cost: Cost,
    told: Told,
) -> Replayed:
    """Replay a day, FACTOR times as fast; starts take as long as they do.

    `lingers_s`: T by day and at night, of the day that is not compressed. Raises WorkerFailed,
    KafkaError.
    """
    short_s, lanes = times_s / FACTOR, lanes_of(times_s)
    fast_s = [linger_s / FACTOR for linger_s in lingers_s]
    # A change is seen half an interval later on average.
    rules = Rules(fast_s, LOOK_S / 2, COMMIT_S / 2, IDLE_S)
    settings = {"scaling.idle": written(IDLE_S)} | {
        f"lanes.{lane}.linger": written(linger_s)
        for lane, linger_s in zip(LANES, fast_s, strict=True)
    }
    by_topic = {topic: short_s[lanes == lane] for lane, topic in enumerate(TOPICS)}
    supervised = supervise(bootstrap, settings, by_topic, grace_s=_GRACE_S, told=told)
    return beside(cost, supervised, lambda spent, _: follow(short_s, lanes, rules, spent))
