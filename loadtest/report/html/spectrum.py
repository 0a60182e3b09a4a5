"""Percentiles of latencies over a logarithmic axis, from a report's histogram. Pure.

By nearest rank, as everywhere: a point is the smallest value that so many of the samples do not
exceed. The axis is that of HdrHistogram's plots: each nine is as wide as the one before.
"""

import math
import zlib

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

from loadtest.report.document import BadReport, LatencyReport

_POINTS_A_DECADE = 40
_UNREADABLE = (HdrCookieException, HdrLengthException, IndexError, ValueError, zlib.error)


def spectrum(times: LatencyReport) -> list[tuple[float, float]]:
    """Return pairs of 1 / (1 - percentile) and seconds, ascending, to the last sample.

    Requests without reply are infinite: the line ends where they begin. Raises BadReport.
    """
    edges, recorded = _cumulated(times.histogram_us)
    samples = max(times.samples, recorded)
    if not recorded:
        return []
    # A bucket's edge may lie a hair above the longest value.
    longest_s = next((each for each in (times.longest_seen, times.longest) if each), math.inf)
    decades = math.log10(samples)
    steps = max(math.ceil(decades * _POINTS_A_DECADE), 1)
    points, place = [], 0
    for step in range(steps + 1):
        x = 10 ** (decades * step / steps)
        rank = max(math.ceil(samples * (1 - 1 / x) - 1e-9), 1)
        while place < len(edges) and edges[place][0] < rank:
            place += 1
        if place == len(edges):
            break
        points.append((x, min(edges[place][1], longest_s)))
    if recorded == samples:
        # No percentile that the axis has room for reaches the longest of all.
        points.append((float(samples), min(edges[-1][1], longest_s)))
    return points


def _cumulated(encoded: str) -> tuple[list[tuple[int, float]], int]:
    """Return how many samples are not above each recorded value, in seconds, and how many there are."""
    try:
        histogram = HdrHistogram.decode(encoded)
        total, edges = 0, []
        for bucket in histogram.get_recorded_iterator():
            total += bucket.count_added_in_this_iter_step
            edges.append((total, bucket.value_iterated_to / 1e6))
    except _UNREADABLE as error:
        raise BadReport(f"a histogram cannot be read: {error}") from error
    return edges, total
