"""Figures of latency: over time for each class, and as a spectrum. Pure."""

from collections.abc import Iterator, Mapping

from loadtest.report.document import ClassReport, RunReport
from loadtest.report.html.chart import Axis, AxisUnit, Chart, Curves, Line, Table, sampled, told
from loadtest.report.html.promises import levels, points
from loadtest.report.html.spectrum import spectrum
from loadtest.verdict.course import Course

_TIME = Axis("time of the run", AxisUnit.TIME)
_LATENCY = Axis("latency", AxisUnit.SECONDS, is_log=True)
_PERCENTS = (50.0, 90.0, 99.0, 99.9, 99.99)
_WAITS = "Latency counts from the time a request was meant to leave"


def over_time(report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield a figure for each class that has a course."""
    for place, (name, each) in enumerate(shown.items()):
        if each.over_time is not None:
            yield _over_time(report, place, name, each.over_time)


def _over_time(report: RunReport, place: int, name: str, course: Course) -> Chart:
    lines = [
        Line("p50", course.from_s, course.p50_s, 0),
        Line("p99", course.from_s, course.p99_s, 1),
        Line("longest", course.from_s, course.longest_s, 6, is_thin=True),
    ]
    lost = [at_s for at_s, missing in zip(course.from_s, course.missing, strict=True) if missing]
    return Chart(
        f"latency-{place}",
        f"Latency over time: {name}",
        f"{_WAITS}, and is shown at that time, for intervals of {course.interval_s:g} s. A level line "
        "is good; steps and peaks are stalls; a line that climbs is a service that falls behind."
        + (" Ticks at the top: somebody got no reply." if lost else ""),
        Curves(
            _TIME,
            _LATENCY,
            lines,
            levels=levels(report, name),
            until_x=report.setting.warm_up_s,
            lost_x=lost,
        ),
        sampled(course.from_s, [(line.name, line.y) for line in lines], "time", AxisUnit.SECONDS),
    )


def as_spectrum(report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield one figure with a line for each class, unless nothing was answered."""
    spectra = {name: spectrum(each.latency_s) for name, each in shown.items()}
    lines = [
        Line(name, [x for x, _ in pairs], [y for _, y in pairs], place)
        for place, (name, pairs) in enumerate(spectra.items())
        if pairs
    ]
    if not lines:
        return
    promised = points(report, shown)
    yield Chart(
        "spectrum",
        "How many are how fast",
        "Each step to the right is ten times as rare: at 99 % one request in a hundred took longer. "
        "A flat line treats all alike; where it bends upwards, something happens to few."
        + (" Rings are targets: the line of their class must pass below." if promised else ""),
        Curves(
            Axis("share of requests that were at least so fast", AxisUnit.PERCENTILE, is_log=True),
            _LATENCY,
            lines,
            points=promised,
        ),
        Table(
            ["class", *(f"p{percent:g}" for percent in _PERCENTS), "longest"],
            [_percentiles(name, each, spectra[name]) for name, each in shown.items()],
        ),
    )


def _percentiles(name: str, each: ClassReport, pairs: list[tuple[float, float]]) -> list[str]:
    """A percentile that so few requests cannot show is left out; beyond the line it is infinite."""
    cells = []
    for percent in _PERCENTS:
        x = 100 / (100 - percent)
        value = next((y for at, y in pairs if at >= x * (1 - 1e-9)), None)
        if value is None:
            is_lost = each.missing > 0 and x <= each.latency_s.samples
            cells.append("never" if is_lost else "-")
        else:
            cells.append(told(value, AxisUnit.SECONDS))
    longest = "never" if each.missing else told(each.latency_s.longest, AxisUnit.SECONDS)
    return [name, *cells, longest]
