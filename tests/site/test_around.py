"""What surrounds the pages: About, and the line that says what a page is about."""

import re

import pytest

import reftorch
from reftorch.site import about
from reftorch.site.described import LONGEST, described


def test_about_says_what_a_reader_needs(monkeypatch):
    text = about.about()
    assert f"version {reftorch.__version__}" in text and "MIT licence" in text and "PyTorch 2.13" in text
    assert "{reftorch contributors}" in text and "names no address" in text and "{version}" not in text
    monkeypatch.setattr(about, "_extra", lambda: {"feedback": "mailto:someone@example.org"})
    assert "<mailto:someone@example.org>" in about.about()


def test_the_citation_has_the_packages_version():
    """A new version is written into both."""
    citation = (about.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == reftorch.__version__


@pytest.mark.parametrize(
    "page, line",
    [
        ("# T\n\nThe [tape](tape.md) has `nodes`, and $x_i$.\n\nMore.", "The tape has nodes, and x_i."),
        ("---\nhide: [toc]\n---\n# T\n\n<p class='a'>ReLU: &lt; 0 is 0.</p>\n\n<p>More</p>", "ReLU: < 0 is 0."),
        ("# T\n\n<svg><title>A picture of it</title></svg>\n\nWhat it is.", "What it is."),
        ("# T\n", ""),
    ],
)
def test_what_a_page_is_about(page, line):
    assert described(page) == line


def test_a_long_paragraph_is_cut_after_a_word():
    found = described("# T\n\n" + "Many words " * 40)
    assert len(found) <= LONGEST and found.endswith(("Many…", "words…"))
