"""The status page over HTTP: `/` is the page, `/status.json` what it shows."""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from daemon.jobs.last_words import JobsHeard
from daemon.loop.pieces import in_pieces
from daemon.loop.ticks import next_tick
from daemon.scaling.report import ScalingReport
from daemon.telemetry import metric_names as names
from daemon.telemetry.status.adherence import Adherence
from daemon.telemetry.status.document import Document, PageMoment, ProcessState, document
from daemon.telemetry.status.inputs import About, Health, WorkerSeen
from daemon.telemetry.status.lane_rows import lag_records
from daemon.telemetry.status.trends import Trends
from daemon.telemetry.status.window import Window

_PAGE = Path(__file__).with_name("status_page.html")
_BEAT_S = 1.0
"""How late a look may be, and how short a time to serve for is noticed."""
_LOOK_S = 5.0
"""Between looks that nobody asked for; they make the window and the trends."""
_ASKED_S = 1.0
"""Shortest time between looks that are asked for, however many pages are open."""


class Status:
    """What a process shows of itself to people.

    It is a window over metric samples. A process with `metrics` of its own has `run` take them; one that
    gathers those of others calls `observe` whenever it has. All on the event loop.

    Args:
        about: what does not change.
        live, ready: asked at each request, as for /livez and /readyz.
        metrics: the metrics of this process; None: `observe` is called instead.
        scaling: what the scaler reported last; None where there is no scaler or no report yet.
        workers: the workers this process supervises, None when it supervises none.
        jobs: jobs under way, None where nobody says how they stand; asked for each document.
        window: what the metrics are seen through; given where somebody else looks through it too.
        clock, wall: monotonic seconds, and seconds since the epoch.
    """

    def __init__(
        self,
        about: About,
        *,
        live: Callable[[], Health],
        ready: Callable[[], Health],
        metrics: Collector | None = None,
        scaling: Callable[[], ScalingReport | None] = lambda: None,
        workers: Callable[[], Sequence[WorkerSeen] | None] = lambda: None,
        jobs: Callable[[], JobsHeard | None] = lambda: None,
        window: Window | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._about = about
        self._live = live
        self._ready = ready
        self._metrics = metrics
        self._scaling = scaling
        self._workers = workers
        self._jobs = jobs
        self._clock = clock
        self._wall = wall
        self._window = window or Window()
        self._trends = Trends()
        self._adherence = Adherence()
        self._started_s = clock()
        self._was_ready = False
        self._looking = asyncio.Lock()

    def observe(self, samples: Iterable[Sample], now_s: float) -> None:
        """Take the metrics of `now_s` (monotonic seconds); label `worker` tells workers apart."""
        scaling = self._scaling()
        self._was_ready = self._was_ready or self._ready()[0]
        self._window.observe(samples, now_s)
        self._adherence.observe(self._window)
        arrived = {
            lane: records for (lane,), records in self._window.total(names.RECORDS, "lane").items()
        }
        loads = {} if scaling is None else scaling.lanes
        self._trends.observe(
            now_s,
            arrived,
            lag_records(self._about, self._window, scaling),
            {lane: load.arrival_rate for lane, load in loads.items()},
        )

    async def run(self) -> NoReturn:
        """Take the metrics of this process every few seconds until cancelled."""
        while True:
            self._was_ready = self._was_ready or self._ready()[0]
            await self.look(_LOOK_S)
            await next_tick(_BEAT_S)

    async def look(self, age_s: float) -> None:
        """Take the metrics of this process, in pieces, if those taken last are so old."""
        async with self._looking:
            now_s, seen_s = self._clock(), self._window.at_s
            if self._metrics is not None and (seen_s is None or now_s - seen_s >= age_s):
                families = in_pieces(self._metrics.collect(), clock=self._clock)
                self.observe([each async for family in families for each in family.samples], now_s)

    def document(self) -> Document:
        """Return what the page shows of the metrics that were taken last, as JSON has it."""
        seen = ProcessState(
            self._live(),
            self._ready(),
            self._was_ready,
            self._scaling(),
            self._workers(),
            self._jobs(),
        )
        moment = PageMoment(self._clock(), self._wall(), self._started_s)
        return document(self._about, self._window, self._trends, self._adherence, seen, moment)

    def routes(self) -> Sequence[web.RouteDef]:
        """Return `/` and `/status.json`, for HttpServer."""
        page = _PAGE.read_bytes()
        return [web.get("/", _page(page)), web.get("/status.json", self._json)]

    async def _json(self, _: web.Request) -> web.Response:
        await self.look(_ASKED_S)
        return web.Response(
            body=msgspec.json.encode(self.document()),
            content_type="application/json",
            headers=_headers("default-src 'none'"),
        )


def _page(html: bytes) -> Handler:
    headers = _headers(_policy(html))

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=html, content_type="text/html", charset="utf-8", headers=headers)

    return answer


def _headers(policy: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _policy(html: bytes) -> str:
    """Allow the page's own style and script, by their digests, and questions to its own server."""
    return (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
        f" style-src {_digests(html, b'style')}; script-src {_digests(html, b'script')}"
    )


def _digests(html: bytes, tag: bytes) -> str:
    texts = re.findall(rb"<%b>(.*?)</%b>" % (tag, tag), html, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{each}'" for each in hashes)
