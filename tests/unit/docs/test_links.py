"""Every page's links lead somewhere."""

import re

import pytest

from tests.pages import PAGES, ROOT, name, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page):
    targets = LINK.findall(prose(page.read_text(encoding="utf-8")))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page):
    """As GitHub makes them: lower case, spaces to hyphens, everything else but words dropped."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files(page):
    wanted = [page.parent / link.partition("#")[0] for link in links(page) if link[0] != "#"]

    assert [str(path) for path in wanted if not path.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_into_pages_lead_to_headings(page):
    into = [link.partition("#") for link in links(page) if "#" in link]

    lost = [
        f"{path}#{anchor}"
        for path, _, anchor in into
        if anchor not in anchors(page.parent / path if path else page)
    ]

    assert lost == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT / "docs"], ids=name)
def test_the_readme_leads_to_every_page(page):
    assert name(page) in links(ROOT / "README.md")


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    pages = {page.name for page in folder.glob("[0-9]*.md")}

    assert set(links(folder / "README.md")) == pages


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_beside_a_picture_stands_the_command_that_took_it(page):
    """What was drawn by hand, and shows no figures, is an SVG."""
    after = re.findall(r"\]\([\w/.-]+\.png\)\n+(.*)", page.read_text(encoding="utf-8"))

    assert [text for text in after if "`make pictures`" not in text] == []
