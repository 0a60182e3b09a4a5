"""Health and metrics over HTTP, for probes and scrapers of this host.

/livez: is this process worth keeping? /readyz: does it serve? /metrics: how well? What else a
process serves, such as its status page, it gives as routes.
"""

import errno
from collections.abc import Callable, Sequence
from typing import TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client.registry import Collector

from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.telemetry.scrape import scrape
from daemon.values.errors import Exit, Fatal

ProbeResult: TypeAlias = tuple[bool, str]
"""Whether all is well, and the reason a person reads."""

_CLOSE_S = 1.0
"""A scraper that reads slowly must not hold up the end of the process."""
_PASSES = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL})
"""Another process has the address still, or this host has it not yet: to be tried again."""


class HttpServer:
    """Serves /livez, /readyz and /metrics; `live` and `ready` are asked at each request."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        live: Callable[[], ProbeResult],
        ready: Callable[[], ProbeResult],
        registry: Collector,
        routes: Sequence[web.RouteDef] = (),
    ) -> None:
        """`port` 0 takes a free one; `routes` are served beside the usual ones, or instead."""
        self._host = host
        self._port = port
        application = web.Application()
        application.router.add_routes(routes)
        application.router.add_get("/livez", _health(live))
        application.router.add_get("/readyz", _health(ready))
        application.router.add_get("/metrics", _metrics(registry))
        paths = [*(route.path for route in routes), "/livez", "/readyz"]
        application.router.add_route("*", "/{path:.*}", _not_found(paths))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_CLOSE_S)

    async def start(self) -> int:
        """Listen and return the port; raises Fatal when the address cannot be had."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Fatal(
                Exit.WORK_LEFT if error.errno in _PASSES else Exit.SETTINGS,
                f"cannot listen on {self._host}:{self._port} ({error.strerror}): "
                "set http.host and http.port to a free address, port 0 takes any",
            ) from error
        port = int(self._runner.addresses[0][1])
        log(Event.HTTP_STARTED, host=self._host, port=port)
        return port

    async def stop(self) -> None:
        """Stop listening and end what is open."""
        await self._runner.cleanup()


def _health(ask: Callable[[], ProbeResult]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        well, reason = ask()
        return web.json_response({"ok": well, "reason": reason}, status=200 if well else 503)

    return answer


def _metrics(registry: Collector) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return await scrape(request, registry.collect())

    return answer


def _not_found(paths: Sequence[str]) -> Handler:
    served = f"{', '.join(paths)} and /metrics are what is served here\n"

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=404, text=served)

    return answer
