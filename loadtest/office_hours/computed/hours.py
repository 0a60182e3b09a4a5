"""How many requests come in each hour of a day, and when. Reads the CSV; else pure."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from loadtest.scenario.rates import Times

HOUR_S = 3600.0
DAY_HOURS = 24
DAY_S = DAY_HOURS * HOUR_S
_COLUMNS = ["hour", "requests"]
MOST_AN_HOUR = 1_000_000
"""A day of it is 200 MB of times, and computed in about a minute."""
_WHOLE = re.compile(r"[0-9]{1,18}")

Hours = tuple[int, ...]
"""Requests in each hour of the day, from midnight on: 24 of them."""


class BadHours(Exception):
    """The file does not say how many requests come; the message names the line."""


def read(path: Path) -> Hours:
    """Return the hours that a CSV says; raises BadHours."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadHours(f"{path} cannot be read: {error}") from error
    try:
        return parse(text)
    except BadHours as error:
        raise BadHours(f"{path}: {error}") from error


def parse(text: str) -> Hours:
    """Return the hours that `text` says, CSV with the columns hour and requests.

    Each hour from 0 to 23 stands there once, in any order; requests are whole numbers, at most
    MOST_AN_HOUR, and not all of them 0. Raises BadHours.
    """
    found: dict[int, int] = {}
    try:
        for line, cells in _rows(text):
            if len(cells) != len(_COLUMNS):
                raise BadHours(f"line {line}: has {len(cells)} values, not hour and requests")
            hour = _number(cells[0], DAY_HOURS - 1, f"line {line}: the hour")
            if hour in found:
                raise BadHours(f"line {line}: the hour {hour} was there before")
            found[hour] = _number(cells[1], MOST_AN_HOUR, f"line {line}: requests")
    except csv.Error as error:
        raise BadHours(f"is no CSV: {error}") from error
    return _whole(found)


def times_s(hours: Hours, seed: int) -> Times:
    """Return when each request comes, seconds after midnight, ascending, float64 (sum(hours),).

    Within its hour each is anywhere: users who know nothing of each other make a Poisson process,
    and that is one, given how many came.
    """
    random = np.random.default_rng(seed)
    return np.concatenate(
        [np.sort(random.random(count) + hour) for hour, count in enumerate(hours)]
    ) * (HOUR_S)


def _rows(text: str) -> Iterable[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    title = next(reader, [])
    if [cell.strip() for cell in title] != _COLUMNS:
        raise BadHours(f"line 1: must be {','.join(_COLUMNS)}")
    for cells in reader:
        if cells:
            yield reader.line_num, [cell.strip() for cell in cells]


def _number(text: str, most: int, what: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) > most:
        raise BadHours(f"{what} must be a whole number from 0 to {most:,}, not {text[:40]!r}")
    return int(text)


def _whole(found: dict[int, int]) -> Hours:
    missing = [hour for hour in range(DAY_HOURS) if hour not in found]
    if missing:
        told = ", ".join(map(str, missing))
        raise BadHours(f"says nothing of the hours {told}; an hour without requests has 0")
    if not any(found.values()):
        raise BadHours("no request comes all day: there is nothing to compute")
    return tuple(found[hour] for hour in range(DAY_HOURS))
