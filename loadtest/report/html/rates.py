"""Figures of rates and of what waits. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from loadtest.report.document import ClassReport, RunReport
from loadtest.report.html.chart import Axis, AxisUnit, Chart, Curves, Line, Value, sampled
from loadtest.verdict.course import Course

_TIME = Axis("time of the run", AxisUnit.TIME)


def rates(report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield offered against achieved, of each class."""
    for place, (name, course) in enumerate(_courses(shown).items()):
        columns = [
            ("offered", _per_s(course, course.planned)),
            ("answered by a result", _per_s(course, course.results)),
        ]
        if any(course.failures):
            columns.append(("answered by an error", _per_s(course, course.failures)))
        yield Chart(
            f"rate-{place}",
            f"Offered and achieved: {name}",
            "Requests a second that were meant to leave, and replies a second that came. Where "
            "results stay below what is offered, requests pile up; where they are above, a backlog "
            "is worked off.",
            Curves(
                _TIME,
                Axis("requests a second", AxisUnit.RATE),
                [
                    Line(head, course.from_s[: len(column)], column, at)
                    for at, (head, column) in enumerate(columns)
                ],
                until_x=report.setting.warm_up_s,
            ),
            sampled(course.from_s[: len(columns[0][1])], columns, "time", AxisUnit.RATE),
        )


def waiting(report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield how many requests wait, by the load tester and, where it was asked, by the daemon."""
    courses = _courses(shown)
    if not courses:
        return
    columns: list[tuple[str, Sequence[float], Sequence[Value]]] = [
        (name, [at_s + course.interval_s for at_s in course.from_s], course.waiting)
        for name, course in courses.items()
    ]
    daemon = report.daemon_over_time
    seen = daemon is not None and any(lag is not None for lag in daemon.lag_records)
    lines = [Line(name, x, y, place) for place, (name, x, y) in enumerate(columns)]
    if daemon is not None and seen:
        lines.append(Line("lag by the daemon's metrics", daemon.at_s, daemon.lag_records, 6))
    yield Chart(
        "waiting",
        "Requests that wait for their reply",
        "Sent and not answered at the end of each interval. A level is the work in flight; a line that "
        "climbs to the end is a load beyond the capacity."
        + (
            " The daemon's lag is the records it has not answered; it is behind by a second at most."
            if seen
            else ""
        ),
        Curves(
            _TIME,
            Axis("requests", AxisUnit.NUMBER),
            lines,
            until_x=report.setting.warm_up_s,
        ),
        sampled(columns[0][1], [(name, y) for name, _, y in columns], "time", AxisUnit.NUMBER),
    )


def _courses(shown: Mapping[str, ClassReport]) -> dict[str, Course]:
    return {name: each.over_time for name, each in shown.items() if each.over_time is not None}


def _per_s(course: Course, counts: Sequence[int]) -> list[Value]:
    """The last interval is left out: the run ended within it."""
    return [count / course.interval_s for count in counts[:-1]]
