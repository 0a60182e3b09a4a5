"""A report as the JSON of GET /scale; its names are an interface. Pure."""

from typing import TypeAlias

from daemon.scaling.scaler import Report

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def shown(report: Report) -> dict[str, Json]:
    """Return the document; `workers` first, null is unknown."""
    decision = report.decision
    return {
        "workers": decision.workers,
        "wanted": decision.wanted,
        "reason": decision.reason,
        "held": decision.held,
        "known": report.known,
        "members": report.members,
        "arrival_rate": report.arrival_rate,
        "served_rate": report.served_rate,
        "service_rate": report.service_rate,
        "lag_records": report.lag_records,
        "lag_seconds": report.lag_seconds,
        "lanes": {
            name: {
                "arrival_rate": load.arrival_rate,
                "lag_records": load.lag_records,
                "lag_seconds": load.lag_seconds,
                "partitions": load.partitions,
            }
            for name, load in report.lanes.items()
        },
        "stuck": [
            {
                "topic": topic,
                "partition": number,
                "lag_records": standing.lag,
                "seconds": standing.seconds,
            }
            for (topic, number), standing in report.stuck.items()
        ],
    }
