"""The report to look at, in a real browser, from disk."""

import pytest

from loadtest.report.html.write import write
from tests.browser import Browser
from tests.contract.test_status_page import CONTRAST
from tests.reported import HOSTILE, hostile, report

REPORTS = {
    "passed": (lambda: report(targets=("p99 < 2s", "errors < 1%", "missing == 0")), 8),
    "three classes, missed": (
        lambda: report(names=("urgent", "standard", "x" * 40), targets=("p50[urgent] < 1ms",)),
        16,
    ),
    "black box, invalid": (
        lambda: report(looks=False, stages="", batch_rows="", doubts=["the load tester was late"]),
        4,
    ),
    "many targets": (
        lambda: report(
            targets=("p50 < 130ms", "p90 < 300ms", "p95 < 310ms", "p99 < 500ms", "max < 550ms")
        ),
        8,
    ),
    "hostile": (hostile, 8),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The file:// address of a report's page; each is made once."""
    folder, made = tmp_path_factory.mktemp("pages"), {}

    def of(name):
        if name not in made:
            made[name] = folder / f"{len(made)}.html"
            write(made[name], REPORTS[name][0]())
        return made[name].as_uri()

    return of


@pytest.fixture(params=REPORTS)
def opened(request, browser, address):
    browser.resize(1280, 800)
    browser.prefer("light")
    browser.open(address(request.param))
    return request.param


def test_it_opens_without_a_word_on_the_console_and_shows_every_figure(browser, opened):
    assert browser.console() == []
    shown = (
        "return [...document.querySelectorAll('figure > svg')].filter((svg) => svg.checkVisibility()"
        " && svg.getBoundingClientRect().height > 30 && svg.querySelector('path')).length"
    )
    assert browser.run(shown) == REPORTS[opened][1]
    browser.resize(360, 800)
    assert browser.run(shown) == REPORTS[opened][1]


def test_it_can_be_read_on_a_phone_and_on_a_desk(browser, opened):
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for width in (320, 360, 760, 1280, 1920):
        browser.resize(width, 800)
        assert browser.run("return document.documentElement.scrollWidth") <= width, width
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        assert browser.run(CONTRAST) == [], scheme


def test_text_in_figures_has_a_size_that_can_be_read(browser, opened):
    for width in (360, 1280):
        browser.resize(width, 800)
        heights = browser.run(
            "return [...document.querySelectorAll('figure > svg text')]"
            ".filter((text) => text.checkVisibility() && text.textContent.trim())"
            ".map((text) => text.getBoundingClientRect().height)"
        )
        assert heights, opened
        assert min(heights) >= 9, width


def test_nothing_is_written_beyond_the_edge_of_a_figure(browser, opened):
    for width in (360, 1280):
        browser.resize(width, 800)
        outside = browser.run(
            "return [...document.querySelectorAll('figure > svg')].filter((svg) => svg.checkVisibility())"
            ".flatMap((svg) => { const edge = svg.getBoundingClientRect();"
            " return [...svg.querySelectorAll('text')].filter((text) => {"
            " const box = text.getBoundingClientRect();"
            " return box.left < edge.left - 2 || box.right > edge.right + 2; })"
            ".map((text) => text.textContent); })"
        )
        assert outside == [], width


NUMBERS = """
const boxes = (of, what) => [...of.querySelectorAll(what)].map((each) => each.getBoundingClientRect());
const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
return [...document.querySelectorAll('figure > svg')].filter((svg) => svg.checkVisibility()).flatMap((svg) => {
  const plot = svg.getScreenCTM();
  const texts = [...svg.querySelectorAll('text')].filter((text) => text.textContent.trim());
  const rings = boxes(svg, 'use');
  const points = [...svg.querySelectorAll('path[style*="--line"]')].flatMap((path) =>
    Array.from({length: 400}, (_, n) => path.getPointAtLength(path.getTotalLength() * n / 399))
      .map((at) => at.matrixTransform(path.getScreenCTM())));
  return texts.flatMap((text, n) => {
    const box = text.getBoundingClientRect();
    const inRing = rings.some((ring) => ring.width > 8 && meet(ring, box));
    const over = !inRing && points.some((at) =>
      at.x > box.left && at.x < box.right && at.y > box.top + 2 && at.y < box.bottom - 2);
    const on = texts.slice(n + 1).filter((other) => {
      const its = other.getBoundingClientRect();
      return meet({left: box.left, right: box.right, top: box.top + 2, bottom: box.bottom - 2}, its); });
    return [...(over ? [text.textContent + ' lies over a curve'] : []),
            ...on.map((other) => text.textContent + ' lies over ' + other.textContent)];
  });
});
"""


def test_nothing_is_written_over_a_curve_or_over_other_words(browser, address):
    browser.open(address("many targets"))
    for width in (360, 1280):
        browser.resize(width, 800)
        assert (
            browser.run(
                "return document.querySelectorAll('figure > svg path[style*=\"--line\"]').length"
            )
            > 4
        )
        assert browser.run(NUMBERS) == [], width


def test_light_and_dark_differ(browser, address):
    browser.open(address("passed"))
    browser.resize(1280, 800)
    seen = []
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        seen.append(
            browser.run(
                "const style = (what) => getComputedStyle(document.querySelector(what));"
                "return [style('body').backgroundColor, style('figure > svg path[style*=line0]').stroke,"
                " style('figure > svg text').fill]"
            )
        )
    assert all(light != dark for light, dark in zip(*seen, strict=True))
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches")


def test_nothing_is_asked_of_anybody(browser, opened):
    assert browser.run("return performance.getEntriesByType('resource').map((it) => it.name)") == []


def test_a_name_is_text_and_never_markup(browser, address):
    browser.open(address("hostile"))
    assert browser.run("return document.title") == HOSTILE
    assert browser.run("return document.images.length + document.scripts.length") == 0
    assert browser.run("return window.intruder") is None
