"""The built pages: links, images and formulas, as files and in a browser.

They are looked for in ``$SSMKERN_SITE``, or in ``docs/_build`` where a build by hand puts them.
"""

import os
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import browser
import pytest

SITE = Path(os.environ.get("SSMKERN_SITE") or Path(__file__).parents[1] / "docs" / "_build").resolve()
PAGES = sorted(SITE.rglob("*.html"))
LOADED = {"img": "src", "script": "src", "link": "href"}  # what a page needs to look as it should
NOT_PROSE = ("code", "pre", "script", "style", "title")
VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")

NAMED = bool(os.environ.get("SSMKERN_SITE"))  # then the pages must be there
pytestmark = pytest.mark.skipif(not PAGES and not NAMED, reason=f"no page in {SITE}: sphinx-build docs docs/_build")


class Page(HTMLParser):
    """Anchors, addresses, and the text outside of code and formulas."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.files, self.formulas, self.prose, self._open = set(), [], [], 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors.update(filter(None, (given.get("id"), given.get("name"))))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if given.get(LOADED.get(tag)) and given.get("rel") not in ("canonical", "next", "prev", "search", "index"):
            self.files.append(given[LOADED[tag]])
        self.files += [each.split()[0] for each in (given.get("srcset") or "").split(",") if each.strip()]
        formula = "math" in (given.get("class") or "").split()
        self.formulas += formula
        if tag not in VOID:
            self._open.append((tag, formula or tag in NOT_PROSE))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(hidden for _, hidden in self._open):
            self.prose.append(data)


@cache
def parsed(path):
    return Page(path.read_text("utf-8"))


def target(page, address):
    """File and anchor of an address of the site, or None."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    return (page.parent / unquote(parts.path)).resolve() if parts.path else page, unquote(parts.fragment)


def test_links_lead_somewhere():
    broken = []
    for page in PAGES:
        for address in parsed(page).links:
            file, anchor = target(page, address) or (page, "")
            if not file.is_file() or (anchor and file.suffix == ".html" and anchor not in parsed(file).anchors):
                broken.append(f"{page.relative_to(SITE)}: {address}")
    assert not broken


def test_pages_are_complete_without_a_network():
    """Images, styles and scripts, with what sets the formulas, are files of the site."""
    missing = []
    for page in PAGES:
        for address in parsed(page).files:
            found = target(page, address)
            if found is None or not found[0].is_file():
                missing.append(f"{page.relative_to(SITE)}: {address}")
        if parsed(page).formulas and not any("mathjax" in address.lower() for address in parsed(page).files):
            missing.append(f"{page.relative_to(SITE)}: what sets its formulas")
    assert not missing


def test_no_markup_is_left_in_the_text():
    """TeX that no formula holds, roles that nobody has read, dollars that found no partner."""
    left = re.compile(r"\\[a-zA-Z(\[]+|\$[^$\s]|:[a-z]+:`|\{[a-z:]+\}`|``|\]\(")
    found = [
        f"{page.relative_to(SITE)}: {piece.strip()[:80]}"
        for page in PAGES
        for piece in parsed(page).prose
        if left.search(piece)
    ]
    assert not found


def test_examples_have_pictures():
    for script in (Path(__file__).parents[1] / "docs" / "gallery").glob("*.py"):
        page = SITE / "examples" / f"{script.stem}.html"
        assert any(f"sphx_glr_{script.stem}_001" in address for address in parsed(page).files)


LOOK = """
(async () => {
    if (window.MathJax?.startup) await MathJax.startup.promise;
    const texts = elements => [...elements].map(element => element.textContent.trim().slice(0, 60));
    const all = selector => [...document.querySelectorAll(selector)];
    return {
        "images that do not load": all("img").filter(image => image.complete && !image.naturalWidth).map(i => i.src),
        "formulas that are not set": texts(all(".math").filter(each => !each.querySelector("mjx-container"))),
        "formulas with errors": texts(all("mjx-merror, mjx-container [mathcolor=red]")),
    };
})()
"""

TOO_WIDE = """
[...document.querySelectorAll(".content")].filter(each => each.scrollWidth > each.clientWidth)
    .map(each => each.scrollWidth + " pixels in " + each.clientWidth)
"""


@pytest.mark.skipif(not browser.EXECUTABLE, reason="no chromium, chromium-browser or google-chrome is installed")
def test_pages_in_a_browser(tmp_path):
    wrong = []
    with browser.tab(tmp_path) as tab:
        for page in PAGES:
            tab.open(page.as_uri())
            found = tab.evaluate(LOOK)
            for width in (1400, 390):
                tab.call(
                    "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
                )
                found[f"text too wide for {width} pixels"] = tab.evaluate(TOO_WIDE)
            found["requests that failed"] = [
                event["params"]["errorText"] for event in tab.events if event["method"] == "Network.loadingFailed"
            ]
            found["exceptions"] = [
                event["params"]["exceptionDetails"]["text"]
                for event in tab.events
                if event["method"] == "Runtime.exceptionThrown"
            ]
            wrong += [f"{page.relative_to(SITE)}: {what}: {found[what]}" for what in found if found[what]]
    assert not wrong, "\n".join(wrong)
