"""The page is one file that asks for nothing, runs nothing and takes no text for markup."""

import re
import xml.etree.ElementTree as ET
from html import escape
from html.parser import HTMLParser

import pytest

from loadtest.report.html.drawing import svg
from loadtest.report.html.markup import html
from loadtest.report.html.page import page
from tests.reported import hostile, report


class _Reader(HTMLParser):
    """Notes every element, id and address."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.addresses, self.handlers = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in {"src", "href", "xlink:href", "data", "action"}:
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


@pytest.fixture(scope="module")
def written():
    return html(page(report(names=("a", "b"))), svg)


@pytest.fixture(scope="module")
def attacked():
    return html(page(hostile()), svg)


@pytest.mark.parametrize("name", ["written", "attacked"])
def test_nothing_is_fetched_and_nothing_runs(name, request):
    text = request.getfixturevalue(name)
    read = _Reader(text)
    assert not read.tags & {"script", "iframe", "object", "embed", "img", "form", "base"}
    assert read.handlers == []
    assert all(each.startswith(("#", "data:")) for each in read.addresses)
    assert re.findall(r"url\((?!#)|@import", text) == []
    assert "default-src 'none'" in text


def test_ids_are_unique_and_every_reference_is_there(written):
    read = _Reader(written)
    assert len(read.ids) == len(set(read.ids))
    references = {each[1:] for each in read.addresses if each.startswith("#")}
    references |= set(re.findall(r"url\(#([^)]+)\)", written))
    references |= set(re.findall(r'aria-labelledby="([^"]+)"', written))
    assert references <= set(read.ids)


def test_every_figure_is_drawn_for_desks_and_for_phones_with_its_values_beside(written):
    figures = re.findall(r"<figure.*?</figure>", written, re.DOTALL)
    assert len(figures) == 12
    for figure in figures:
        assert figure.count('role="img"') == 2
        assert "<table" in figure
        for element in re.findall(r"<svg.*?</svg>", figure, re.DOTALL):
            ET.fromstring(element.replace("xlink:", ""))


def test_colours_follow_light_and_dark(written):
    assert "var(--line0)" in written
    _, body = written.split("</style>")
    assert re.findall("#01[0-9a-f]{4}", body) == []


def test_text_stays_text_and_names_are_no_formulas():
    made = page(report())
    (chart,) = [each for part in made.parts for each in part.charts if each.key == "flushes"]
    rows = [row._replace(label="$\\frac{1$ </svg>") for row in chart.drawing.rows]
    drawn = svg(chart._replace(drawing=chart.drawing._replace(rows=rows)), 560)
    assert "$\\frac{1$ &lt;/svg&gt;" in drawn
    assert drawn.count("</svg>") == 1


def test_what_a_number_in_a_figure_means_is_said_beside_it():
    made = page(report(targets=("p50 < 1s", "p99 < 2s", "max < 3s")))
    over_time = next(each for part in made.parts for each in part.charts if each.key == "latency-0")
    drawn = html(made, svg)
    for number, level in enumerate(over_time.drawing.levels, 1):
        assert f"<li><b>{number}</b> {escape(level.label)}</li>" in drawn
        assert f">{number}</text>" in svg(over_time, 316)


def test_a_name_is_shown_as_it_is_written(attacked):
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;" in attacked
    assert "$main $$" in attacked


def test_the_same_report_makes_the_same_page(written):
    assert html(page(report(names=("a", "b"))), svg) == written
