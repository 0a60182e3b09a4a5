"""What a job tells of itself: for programs as JSON, for people in a few lines. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from daemon.jobs.ends import End, State
from daemon.jobs.order import Order
from daemon.jobs.pace import Standing


def summary_of(
    order: Order,
    state: State,
    said: Mapping[End, Mapping[str, int]],
    *,
    total: int,
    sent: int,
    now_ms: float,
    pinned: Mapping[str, str],
    standing: Standing | None = None,
) -> dict[str, Any]:
    """Return the summary of a job; `said`: how many ended how, by who served them or by code.

    `pinned`: the digests that the settings insist on, by model; `standing`: how it gets on, while it does.
    """
    counts = {end.value: sum(said.get(end, {}).values()) for end in End}
    failures = {end.value: dict(said[end]) for end in End if end is not End.OK and end in said}
    return {
        "job_id": order.job_id,
        "state": state.value,
        "items": total,
        "sent": sent,
        "left": total - sum(counts.values()),
        "ended": counts,
        "served_by": dict(said.get(End.OK, {})),
        "digests": dict(_digests(said.get(End.OK, {}), pinned)),
        "failures": failures,
        "source": order.source,
        "lane": order.lane,
        "topic": order.topic,
        "reply_topic": order.reply_topic,
        "began": moment_text(order.began_ms),
        "deadline": None if order.deadline_ms is None else moment_text(order.deadline_ms),
        "as_of": moment_text(now_ms),
        **_pace(standing),
    }


def _digests(served_by: Iterable[str], pinned: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield whole digests by who served, where they are known: replies say how they begin."""
    for name in served_by:
        model, _, beginning = name.rpartition("@")
        digest = pinned.get(model, "").lower()
        if beginning and digest.startswith(beginning):
            yield name, digest


def _pace(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {"rate_per_s": None, "remaining_s": None}
    remaining_s = standing.remaining_s and [round(each, 1) for each in standing.remaining_s]
    return {"rate_per_s": round(standing.rate_per_s, 1), "remaining_s": remaining_s}


def shown(summary: Mapping[str, Any]) -> str:
    """Return the summary as lines for people."""
    ended = summary["items"] - summary["left"]
    whole = f"{ended:,} of {summary['items']:,} items have ended"
    lines = [f"{summary['state']}: {whole} (job {summary['job_id']})"]
    for end, count in summary["ended"].items():
        whose = summary["served_by"] if end == End.OK else summary["failures"].get(end, {})
        told = ", ".join(f"{name} {number:,}" for name, number in whose.items())
        if count:
            lines.append(f"  {end:<8}{count:>12,}  {told}")
    if summary["left"]:
        lines.append(f"  {'left':<8}{summary['left']:>12,}")
    return "".join(f"{line}\n" for line in lines)


def moment_text(wall_ms: float) -> str:
    """Return a moment as clocks in UTC show it."""
    return datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat(timespec="seconds")
