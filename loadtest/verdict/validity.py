"""Whether a run may be believed at all: did it offer what it meant to, and did it look in time?

Pure. What is wrong with the run itself says nothing about the daemon, good or bad.
"""

from collections.abc import Iterator

from loadtest.plan.plan import Plan
from loadtest.verdict.figures import Figures
from loadtest.verdict.findings import Findings

_LEAST_SENT = 0.99
"""MLPerf and perf_analyzer give a warning below; a load that was not offered proves nothing."""
_MOST_CPU = 0.9
"""Of one core: beyond, receipt waits for the load tester and not for the daemon."""
_PERCENT = 99
"""Of its timers, as of requests: 99 of 100 are in time."""


def doubts(plan: Plan, findings: Findings, most_late_s: float) -> list[str]:
    """Return why the run is invalid; nothing when it is not."""
    found = [
        doubt
        for stream in plan.streams
        for doubt in _of_class(
            stream.name,
            findings.by_class[stream.name],
            most_late_s,
            is_paced=stream.is_paced,
            is_whole=not findings.is_interrupted,
        )
    ]
    found.extend(_of_tester(findings, most_late_s))
    return found


def _of_class(
    name: str, figures: Figures, most_late_s: float, *, is_paced: bool, is_whole: bool
) -> Iterator[str]:
    if not figures.planned:
        yield f"{name}: no request was planned after the warm-up"
        return
    if is_whole and figures.sent < _LEAST_SENT * figures.planned:
        yield f"{name}: only {figures.sent:,} of {figures.planned:,} requests were sent"
    if figures.sent and figures.missing == figures.sent:
        yield f"{name}: no reply at all; does anybody answer on the reply topics?"
    late_s = figures.lateness.percentile(_PERCENT)
    if is_paced and late_s > most_late_s:
        slow_s = figures.acknowledgement.percentile(_PERCENT)
        yield (
            f"{name}: the load tester was late, p99 {late_s * 1000:.1f} ms after the intended "
            f"time ({most_late_s * 1000:.0f} ms allowed); the broker took p99 "
            f"{slow_s * 1000:.1f} ms to acknowledge"
        )


def _of_tester(findings: Findings, most_late_s: float) -> Iterator[str]:
    if findings.failed_sends:
        yield f"the broker refused requests: {findings.failed_sends[0]}"
    if findings.unread:
        yield f"{findings.unread:,} records of the reply topics could not be read"
    late_s = findings.pulse.percentile(_PERCENT)
    if late_s > most_late_s:
        yield (
            f"the load tester was the limit: its own timers were late, p99 {late_s * 1000:.1f} ms"
        )
    if findings.cpu_share > _MOST_CPU:
        yield (
            f"the load tester was the limit: it used {findings.cpu_share:.0%} of a core, so that "
            "replies may have waited for it"
        )
