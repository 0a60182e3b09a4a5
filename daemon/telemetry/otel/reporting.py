"""What a worker tells OpenTelemetry while it serves; nothing, and no import, where it is not asked to."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client.registry import CollectorRegistry

from config.settings import Otel
from daemon.process.cancellable import in_thread
from daemon.telemetry.otel.points import metrics
from daemon.telemetry.otel.tracing import Tracing
from daemon.values.errors import Exit, Fatal

if TYPE_CHECKING:
    from daemon.telemetry.otel.export import Export

_log = logging.getLogger(__name__)


@asynccontextmanager
async def reporting(
    settings: Otel, *, group: str, process: str, registry: CollectorRegistry
) -> AsyncIterator[Tracing | None]:
    """Send metrics at intervals, and yield what takes spans; None where there is no endpoint.

    At the end what waits is sent. Raises Fatal where the extra `otel` is not installed.
    """
    if not settings.endpoint:
        yield None
        return
    export = open_export(settings, group=group, process=process)
    telling = asyncio.create_task(_tell(export, registry, settings.interval), name="otel")
    try:
        yield Tracing(group, export.ended)
    finally:
        telling.cancel()
        await asyncio.wait({telling})
        await in_thread(export.close)


def open_export(settings: Otel, *, group: str, process: str) -> "Export":
    """Return what sends to the endpoint; raises Fatal where the extra `otel` is not installed."""
    own_version = version("tidemill")
    try:
        from daemon.telemetry.otel.export import Export
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        wheel = f"tidemill-{own_version}-py3-none-any.whl"
        raise Fatal(
            Exit.SETTINGS,
            "otel.endpoint needs packages that are not installed; they come with the extra `otel`:"
            f" pip install '.[otel]' in a checkout, or '{wheel}[otel]'",
        ) from error
    return Export(settings.endpoint, service=group, instance=process, version=own_version)


async def _tell(export: "Export", registry: CollectorRegistry, interval_s: float) -> None:
    while True:
        await asyncio.sleep(interval_s)
        told = [*metrics(registry.collect())]  # on the loop, as a scrape is
        try:
            await in_thread(partial(export.send_metrics, told))
        except Exception:  # noqa: BLE001 -- a fault of who tells how the worker is must not end it
            _log.exception("metrics were not sent")
