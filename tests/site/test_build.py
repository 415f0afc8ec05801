"""The built site: strict, complete, and asking nobody else for anything."""

import gzip
import html.parser
import json
import posixpath
import re
import shutil
import subprocess

import pytest

from reftorch.site import sections

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
# A parser of all tags takes a minute for all pages.
TAGS = re.compile(rf"<(?:{'|'.join(FETCHED)})\b(?:\"[^\"]*\"|'[^']*'|[^'\">])*>")


class Requests(html.parser.HTMLParser):
    """What a browser fetches for a page."""

    def __init__(self, text):
        super().__init__()
        self.urls = []
        for tag in TAGS.findall(text):
            self.feed(tag)
            self.reset()  # what follows a <script> is no text of it

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        fetched = FETCHED[tag]
        if fetched in given and given.get("rel") not in ("canonical", "prev", "next"):
            self.urls.append(given[fetched])


def test_pages_ask_no_other_host(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        urls = Requests(text).urls + re.findall(
            r"url\(([^)]*)\)", "".join(re.findall(r"<style.*?</style>", text, re.DOTALL))
        )
        assert urls and not [url for url in urls if re.match(r"(https?:)?//", url)], page
        missing = [
            u for u in urls if not u.startswith("data:") and not (page.parent / u.split("?")[0].split("#")[0]).exists()
        ]
        if page.name != "404.html":  # it may be shown at any address, and starts from the root
            assert not missing, page
    sheets = "".join(sheet.read_text(encoding="utf-8") for sheet in site.rglob("*.css"))
    assert not re.search(r"url\([\"']?(https?:)?//", sheets)


def test_formulas_are_rendered_and_found_once(site):
    text = (site / "nn/convolution/conv2d.html").read_text(encoding="utf-8")
    assert text.count('class="katex-mathml"') > 30 and 'class="tex' not in text and "katex-error" not in text
    found = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    (forward,) = [d["text"] for d in found if d["location"] == "nn/convolution/conv2d.html#forward"]
    assert forward.count(r"\sum_{c=0}") == 1
    for wanted in ("max_pool2d", "MaxPool2d", "k_h"):
        assert any(wanted in d["text"] or wanted in d["title"] for d in found if "max_pool2d" in d["location"]), wanted


def test_previous_and_next_follow_the_documentation(site):
    """From page to page through all components: the sections one after the other, each with its files."""
    path, met = "nn/convolution/index.html", []
    while path not in met and path.startswith(("nn/", "optim/", "transforms/")):
        met.append(path)
        text = (site / path).read_text(encoding="utf-8")
        (onward,) = re.findall(r'<a href="([^"]*)" class="md-footer__link md-footer__link--next"', text)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), onward))
    wanted = [
        page.replace(".md", ".html")
        for folder, inside in sections.sections().items()
        for page in (f"{folder}/index.md", *map(sections.address, inside))
    ]
    assert met == wanted


def test_pages_are_light(site):
    """A page with its traces is below 150 kB when it is sent, as servers send it: compressed."""
    weights = {page: len(gzip.compress(page.read_bytes())) for page in site.rglob("*.html")}
    heaviest = max(weights, key=weights.__getitem__)
    assert 10_000 < weights[heaviest] < 150_000, heaviest


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("page", ["nn/convolution/conv2d.html", "index.html"])
def test_scripts_run_from_a_folder(site, tmp_path, page):
    """The step viewer shows the first step of the first kernel."""
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    ]
    command += [
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=3000",
    ]
    address = (site / page).as_uri()
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=120)
    assert '<option value="conv2d_forward_cpu">' in done.stdout or "<option>conv2d_forward_cpu</option>" in done.stdout
    assert re.search(r'class="sv-count">\d+ / \d+<', done.stdout) and 'class="sv-line sv-now"' in done.stdout
