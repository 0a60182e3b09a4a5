"""Which lanes a fleet may sleep through: their requests gather in Kafka while no worker is up. Pure.

The price of a sleep, in seconds of a worker: it ends, STOP_S in which it does no work, and another
starts, `start_s` in which it does none either. Sleeping pays if it saves more than a start besides:
loading a model keeps a core busy, waiting does not.
"""

from config.settings import Lane, Scaling

STOP_S = 5.0
"""From telling a worker to end until its group has heard of it: a worker's turn in a roll, which
is an end and a start, takes 2.2 to 5.7 s with a small model (docs/scaling.md)."""


def price_s(start_s: float) -> float:
    """Return how long nothing must be due so that a sleep pays where a start takes `start_s`."""
    return 2 * start_s + STOP_S


def sleeps(lane: Lane, scaling: Scaling) -> bool:
    """Whether the fleet may sleep through the linger of `lane`, by the settings alone.

    Scaler and workers have to say the same, so this does not go by the start that was measured. In such
    a lane the linger counts from a record's own timestamp; in all others from when it was read. A lane
    that opens by the clock gathers until then.
    """
    return not lane.eager and not lane.by_clock and lane.linger > price_s(scaling.start_time)
