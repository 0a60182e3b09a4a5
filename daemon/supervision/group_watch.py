"""The look at the group from outside that one edition of the settings asks for."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import NoReturn

from daemon.kafka.looking.observer import Observer
from daemon.scaling.own_rate import Work
from daemon.scaling.scaler import Report, Scaler
from daemon.scaling.watching import Watching
from daemon.supervision.revision import Revision


class Looking:
    """An observer, and what is decided by what it sees.

    Args:
        edition: what to look at.
        workers: how many serve or will soon.
        work: what they did since it was asked last, None when that is not known.
        tell: called on the loop with each report.
    """

    def __init__(
        self,
        edition: Revision,
        *,
        workers: Callable[[], int],
        work: Callable[[], Work | None],
        tell: Callable[[Report], None],
    ) -> None:
        settings = edition.settings
        self._observer = Observer(settings, edition.base)
        self._watching = Watching(
            Scaler(settings, edition.most),
            settings.scaling.interval,
            tell=tell,
            working=workers,
            work=work,
        )
        self._stack = AsyncExitStack()
        self._is_open = False

    @property
    def report(self) -> Report | None:
        """The last one, None before the group was seen."""
        return self._watching.report

    @property
    def moving(self) -> bool:
        """Whether looks go on."""
        return self._watching.moving

    @property
    def wanted(self) -> int | None:
        """How many workers there should be, None before the group was seen."""
        return self.report.decision.workers if self.report else None

    async def open(self) -> None:
        """Connect; raises Fatal: no broker within kafka.start_timeout, denied, a topic is missing."""
        await self._stack.enter_async_context(self._observer)
        self._is_open = True

    async def run(self) -> NoReturn:
        """Look until cancelled, then hang up; raises Fatal as `open` does, and when denied."""
        try:
            if not self._is_open:
                await self.open()
            await self._watching.run(self._observer)
        finally:
            await self._stack.aclose()
