"""What is claimed of this project's scaler beside KEDA's rule. Pure."""

from collections.abc import Sequence

from studies.scaling.replay import Measured

_ALIKE = 1.5
"""Times of its p99 wait that still are no longer a wait."""


def better(own: Measured, others: Sequence[Measured]) -> list[Measured]:
    """Return those that both wait less and take fewer worker-hours: there should be none."""
    return [
        other
        for other in others
        if other.p99_s < own.p99_s and other.worker_hours < own.worker_hours
    ]


def as_calm(own: Measured, others: Sequence[Measured]) -> list[Measured]:
    """Return those that change as seldom and do not wait longer, by half."""
    return [
        other
        for other in others
        if other.p99_s <= _ALIKE * own.p99_s and other.changes <= own.changes
    ]
