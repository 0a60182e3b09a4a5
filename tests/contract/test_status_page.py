"""The status page in a real browser, and over plain HTTP."""

import asyncio
import http.client
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from daemon.telemetry.events import Event
from daemon.telemetry.http import HttpServer
from tests import shown
from tests.browser import Browser
from tests.shown import Shown

_PATIENCE_S = 30
_EVERY_S = 2
"""How often the page asks."""
SCENES = {
    "idle": lambda: shown.idle(1),
    "busy": lambda: shown.busy(2),
    "20 lanes": lambda: shown.busy(20, 100),
    "broken": lambda: shown.broken(2),
    "isolating": lambda: shown.isolating(2),
    "20 broken lanes": lambda: shown.broken(20),
    "by the clock": lambda: shown.by_the_clock(2),
    "jobs": shown.with_jobs,
    "shut": shown.shut,
    "supervised": lambda: shown.supervised(2),
    "scaler": lambda: shown.scaler(2),
    "starting": lambda: Shown(2),
}
CONTRAST = """
const shades = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = (text) => shades(text).map((c) => c / 255)
  .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour;
  }
};
const poor = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !element.checkVisibility() || element.closest("script, style, noscript")) continue;
  const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.textContent.slice(0, 30)}`);
}
return poor;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@asynccontextmanager
async def served(page, *, port=0, routes=None):
    """The page over HTTP; gives its port."""
    server = HttpServer(
        "127.0.0.1",
        port,
        live=lambda: page.live,
        ready=lambda: page.ready,
        registry=page.metrics.registry,
        routes=routes or page.status.routes(),
    )
    try:
        yield await server.start()
    finally:
        await server.stop()


async def see(browser, port):
    """Open the page and return when its figures are there."""
    await asyncio.to_thread(browser.open, "about:blank")
    await asyncio.to_thread(browser.console)  # the page before it may have lost its server
    await asyncio.to_thread(browser.resize, 1280, 800)
    await asyncio.to_thread(browser.prefer, "light")
    await asyncio.to_thread(browser.open, f"http://127.0.0.1:{port}/")
    await until(browser, "!document.getElementById('main').hidden")


async def text(browser, element):
    return await asyncio.to_thread(
        browser.run, f"return document.getElementById('{element}').textContent"
    )


async def until(browser, condition):
    """Return when the JavaScript `condition` holds."""
    await asyncio.to_thread(browser.wait, condition, _PATIENCE_S)


def says(element, what):
    return f"document.getElementById('{element}').textContent.includes({json.dumps(what)})"


@pytest.mark.parametrize("scene", SCENES)
async def test_every_scene_can_be_read_on_a_phone_and_on_a_desk(browser, scene):
    async with served(SCENES[scene]()) as port:
        await see(browser, port)
        for width in (320, 360, 760, 1180, 1280, 1920):
            await asyncio.to_thread(browser.resize, width, 800)
            wide = await asyncio.to_thread(
                browser.run, "return document.documentElement.scrollWidth"
            )
            assert wide <= width
        for scheme in ("light", "dark"):
            await asyncio.to_thread(browser.prefer, scheme)
            assert await asyncio.to_thread(browser.run, CONTRAST) == [], scheme
        assert await asyncio.to_thread(browser.console) == []


async def test_names_break_between_their_words_only(browser):
    page = shown.broken(2)
    page.events = {event.value: 3 for event in Event if event.level in {"warning", "error"}}
    page.tick(70)
    split = (
        "return [...document.querySelectorAll('.pairs td:first-child')].flatMap((cell) => {"
        "  const walk = document.createTreeWalker(cell.querySelector('span') || cell, 4), split = [];"
        "  while (walk.nextNode()) {"
        "    const range = document.createRange();"
        "    range.selectNodeContents(walk.currentNode);"
        "    if (range.getClientRects().length > 1) split.push(cell.textContent);"
        "  }"
        "  return split;"
        "})"
    )
    async with served(page) as port:
        await see(browser, port)
        for width in (320, 360, 760, 1180, 1280):
            await asyncio.to_thread(browser.resize, width, 800)
            assert await asyncio.to_thread(browser.run, split) == [], width


async def test_figures_appear_and_change_without_a_layout_jump(browser):
    page = shown.busy(2, seconds=70)
    async with served(page) as port:
        await see(browser, port)
        assert await text(browser, "first") == page.status.document()["findings"][0]["text"]
        before = await text(browser, "tiles")
        jumps = (
            "window.jumps = 0; new PerformanceObserver((list) => list.getEntries().forEach("
            "(jump) => { window.jumps += jump.value; })).observe({type: 'layout-shift'})"
        )
        await asyncio.to_thread(browser.run, jumps)

        for second in range(60):
            for lane in page.names:
                page.second(lane, 7 * second)
            page.tick()

        await until(browser, f"!{says('tiles', before)}")
        assert await asyncio.to_thread(browser.run, "return window.jumps") == 0
        assert await asyncio.to_thread(browser.console) == []


async def test_everything_an_operator_asks_for_is_on_it(browser):
    page = shown.broken(2)
    async with served(page) as port:
        await see(browser, port)

        seen = await asyncio.to_thread(browser.run, "return document.body.innerText")

    for what in (
        *("standard", "urgent", "documents.urgent", "classify", "tidemill.toml", "0.2.0"),
        *("18/s", "219,100", "5 min", "full 100 %", "filetype", shown.DIGEST[:12], "CPU"),
        *("invalid_shape", "reply_topic_denied", "model.refused", "Nothing moves", "Degraded"),
        *("no broker answers", "12 requests deleted", "28 %"),
    ):
        assert what in seen


async def test_what_is_isolated_is_said_in_plain_words(browser):
    async with served(shown.isolating()) as port:
        await see(browser, port)

        assert await text(browser, "first") == (
            "Looking for a request of documents/3 that kills its worker: 512 suspects run alone, "
            "4 crashes so far; 1 other partition as well"
        )
        assert "workers found dead2" in await text(browser, "oddities")


async def test_what_a_lane_may_wait_for_and_what_batches_gain_is_on_it(browser):
    page = shown.busy(2, 70)
    async with served(page) as port:
        await see(browser, port)

        seen = await asyncio.to_thread(browser.run, "return document.body.innerText")

    shows = page.status.document()
    for wait in shows["waits"]:
        assert wait["told"] in seen
    assert f"{shows['models'][0]['gain']:.1f} x" in seen


async def test_when_a_lane_opens_what_waits_for_it_and_how_it_went_is_on_it(browser):
    page = shown.by_the_clock()
    async with served(page) as port:
        await see(browser, port)
        seen = await asyncio.to_thread(
            browser.run, "return document.getElementById('openings').innerText"
        )
        bars = await asyncio.to_thread(
            browser.run,
            "return [...document.querySelectorAll('#openings g')].map((bar) => bar.textContent)",
        )

    assert page.status.document()["findings"][0]["text"] == (
        "All is well: 9/s answered, 4,812 requests gathered for an opening"
    )
    for what in ("standard", "Europe/Berlin", "12:15", "12 min", "4,812", "13 min"):
        assert what in seen
    assert "11:45 on time, nothing to run" in seen
    assert "17 on time, 1 late, 1 overran, 1 missed" in seen
    assert len(bars) == 20
    assert bars[8] == "09:00 late, took 65 s, 80 % full"
    assert bars[12] == "10:00 missed"
    assert bars[15] == "10:45 overran, took 15 min, 100 % full"


async def test_lanes_that_are_always_open_have_no_openings(browser):
    async with served(shown.busy(1, 70)) as port:
        await see(browser, port)

        assert await asyncio.to_thread(
            browser.run, "return document.getElementById('openings').hidden"
        )


async def test_a_lost_contact_is_told_and_a_found_one_as_well(browser):
    page = shown.idle()
    async with served(page) as port:
        await see(browser, port)
        await until(browser, says("contact", "live"))

    await until(browser, says("contact", "no answer, last seen"))
    await until(browser, "document.querySelector('.stale')")
    await until(browser, "document.title === '? classify - Tidemill'")
    async with served(page, port=port):
        await until(browser, says("contact", "live"))
        await until(browser, "!document.querySelector('.stale')")
        await until(browser, "document.title === '✓ classify - Tidemill'")
    await asyncio.to_thread(browser.console)  # the browser itself tells refused connections


async def test_a_hidden_page_asks_nothing_until_it_is_seen_again(browser):
    page = shown.idle()
    document, asked = page.status.document, asyncio.Queue()
    page.status.document = lambda: asked.put_nowait(1) or document()
    async with served(page) as port:
        await see(browser, port)
        await asyncio.to_thread(browser.hide, True)
        await asyncio.sleep(1)  # a question may have been under way
        while not asked.empty():
            asked.get_nowait()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked.get(), 2 * _EVERY_S)

        await asyncio.to_thread(browser.hide, False)
        await asyncio.wait_for(asked.get(), _PATIENCE_S)


async def test_nothing_is_asked_of_any_other_server(browser):
    async with served(shown.busy(1, 70)) as port:
        await see(browser, port)

        asked = await asyncio.to_thread(
            browser.run, "return performance.getEntriesByType('resource').map((each) => each.name)"
        )

    assert asked
    assert {url for url in asked if not url.startswith(f"http://127.0.0.1:{port}/")} == set()


async def test_a_name_is_text_and_never_markup(browser):
    page = shown.idle()
    page.status._about = page.status._about._replace(group="<img src=x onerror=alert(1)>")
    async with served(page) as port:
        await see(browser, port)

        assert "group <img src=x onerror=alert(1)>" in await text(browser, "about")
        assert await asyncio.to_thread(browser.run, "return document.images.length") == 0


async def test_a_script_that_gets_in_does_not_run(browser):
    page = shown.idle()
    own = page.status.routes()
    html = await own[0].handler(None)
    html.body = html.body.replace(b"<main", b"<script>window.intruder = 1</script><main", 1)

    async def tampered(_):
        return web.Response(body=html.body, headers=html.headers)

    async with served(page, routes=[web.get("/", tampered), own[1]]) as port:
        await see(browser, port)

        assert await asyncio.to_thread(browser.run, "return window.intruder") is None
        assert "Content Security Policy" in str(await asyncio.to_thread(browser.console))


def get(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html; charset=utf-8"), ("/status.json", "application/json")]
)
async def test_answers_are_not_kept_and_taken_for_what_they_are(path, kind):
    async with served(shown.idle()) as port:
        answer, body = await asyncio.to_thread(get, port, path)
        head, nothing = await asyncio.to_thread(get, port, path, "HEAD")

    assert (answer.status, head.status) == (200, 200)
    assert (bool(body), nothing) == (True, b"")
    for headers in (answer.headers, head.headers):
        assert headers["Content-Type"] == kind
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["Content-Security-Policy"]


async def test_nothing_else_can_be_done_with_it():
    async with served(shown.idle()) as port:
        answer, _ = await asyncio.to_thread(get, port, "/status.json", "POST")

    assert answer.status in {404, 405}
