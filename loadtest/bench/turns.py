"""Measures several things by turns, so that whatever the machine does meets all of them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

_Result = TypeVar("_Result")


async def by_turns(
    repeat: int, measures: Mapping[str, Callable[[str], Awaitable[_Result]]]
) -> dict[str, list[_Result]]:
    """Call each of `measures` once in each repetition, and return what they gave, by their names.

    Each is told what to call itself. Who goes first takes turns too: a machine that slows down
    favours nobody.
    """
    results: dict[str, list[_Result]] = {name: [] for name in measures}
    for number in range(1, repeat + 1):
        for name in measures if number % 2 else list(measures)[::-1]:
            results[name].append(await measures[name](f"{name} {number} of {repeat}"))
    return results
