"""Taking up the items of a job: all of them, or none."""

import asyncio

from daemon.jobs.inputs import Input, Item, Unfit
from daemon.jobs.journal import Journal
from daemon.jobs.publishing import digest_of
from daemon.values.errors import Exit, Fatal

_MOST_SHOWN = 20
"""Lines on a terminal; the number behind them says how many there are."""

_BETWEEN_PAUSES = 100
"""Items that are read until whoever wants to stop is heard; 10 ms of small files."""


class Registered:
    """What was taken up: the largest body, which the topic has to take, and its name."""

    def __init__(self) -> None:
        self.largest_bytes = 0
        self.largest = ""

    def see(self, item: Item) -> None:
        """Take note of an item."""
        if len(item.body) > self.largest_bytes:
            self.largest_bytes, self.largest = len(item.body), item.name


async def register(journal: Journal, source: Input) -> Registered:
    """Take up all of `source`; raises Fatal that lists what cannot be sent, and OSError. May be cancelled."""
    registered = Registered()
    refused = 0
    shown: list[str] = []
    with journal.transaction():
        for number, each in enumerate(source.items()):
            if number % _BETWEEN_PAUSES == 0:
                await asyncio.sleep(0)
            problem = _problem(journal, each)
            if problem:
                refused += 1
                shown += [problem] if len(shown) < _MOST_SHOWN else []
            elif isinstance(each, Item):
                registered.see(each)
    if refused:
        more = "" if refused == len(shown) else f"\n  and {refused - len(shown):,} more"
        lines = "".join(f"\n  {each}" for each in shown)
        raise Fatal(Exit.USAGE, f"nothing was sent: {refused:,} cannot be sent:{lines}{more}")
    if not journal.total:
        raise Fatal(Exit.USAGE, "nothing was sent: there are no items")
    return registered


def _problem(journal: Journal, each: Item | Unfit) -> str:
    if isinstance(each, Unfit):
        return f"{each.name}: {each.why}"
    if journal.add(each.id, each.name, each.start, digest_of(each.body)):
        return ""
    return f"{each.name}: custom_id {each.id!r} is that of {journal.name_of(each.id)} too"
