"""What a process tells OpenTelemetry while it lives; nothing, and no import, where it is not asked to."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client.registry import CollectorRegistry

from config.settings import Otel
from daemon.loop.cancellable import in_thread
from daemon.loop.pieces import in_pieces
from daemon.telemetry.otel.points import metrics
from daemon.telemetry.otel.tracing import Tracing
from daemon.telemetry.status import About
from daemon.values.errors import Exit, Fatal

if TYPE_CHECKING:
    from daemon.telemetry.otel.export import Export

_log = logging.getLogger(__name__)

_END_S = 5.0
"""As long as one request to the receiver may take; what it has not taken by then is lost."""


@asynccontextmanager
async def reporting(
    settings: Otel, about: About, registry: CollectorRegistry
) -> AsyncIterator[Tracing | None]:
    """Send metrics as `sending_metrics` does, and yield what takes spans; None where there is no endpoint."""
    async with sending_metrics(settings, about, registry) as export:
        yield None if export is None else Tracing(about.group, export.ended)


@asynccontextmanager
async def sending_metrics(
    settings: Otel, about: About, registry: CollectorRegistry
) -> AsyncIterator["Export | None"]:
    """Send metrics at intervals, and yield what sends; None where there is no endpoint.

    At the end they are sent once more, with the spans that wait, for some seconds at most. Raises
    Fatal where the extra `otel` is not installed.
    """
    if not settings.endpoint:
        yield None
        return
    export = open_export(settings, about)
    telling = asyncio.create_task(_tell(export, registry, settings.interval), name="otel")
    try:
        yield export
    finally:
        telling.cancel()
        await asyncio.wait({telling})
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await _send(export, registry)
                await in_thread(export.close)


def open_export(settings: Otel, about: About) -> "Export":
    """Return what sends to the endpoint; raises Fatal where the extra `otel` is not installed."""
    try:
        from daemon.telemetry.otel.export import Export
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        wheel = f"tidemill-{about.version}-py3-none-any.whl"
        raise Fatal(
            Exit.SETTINGS,
            "otel.endpoint needs packages that are not installed; they come with the extra `otel`:"
            f" pip install '.[otel]' in a checkout, or '{wheel}[otel]'",
        ) from error
    return Export(
        settings.endpoint,
        role=about.role,
        service=about.group,
        instance=about.process,
        version=about.version,
    )


async def _tell(export: "Export", registry: CollectorRegistry, interval_s: float) -> None:
    while True:
        await asyncio.sleep(interval_s)
        await _send(export, registry)


async def _send(export: "Export", registry: CollectorRegistry) -> None:
    told = [each async for each in in_pieces(metrics(registry.collect()))]  # as a scrape is made
    try:
        await in_thread(partial(export.send_metrics, told))
    except Exception:  # noqa: BLE001 -- a fault of who tells how the process is must not end it
        _log.exception("metrics were not sent")
