"""Source code is set aside while a page goes through Markdown, and comes back as it was."""

import re

import markdown
import pytest

from reftorch.site import aside, build
from reftorch.site.page import Page


@pytest.fixture(params=["nn/activation/relu.py", "fast/matmul.py"])
def page(request, monkeypatch):
    monkeypatch.setattr(Page, "checks_examples", False)
    return Page(build.PACKAGE / request.param).markdown()


def test_a_page_without_its_code(page):
    less, pieces = aside.set_aside(page)
    assert len(pieces) == page.count('<pre class="rt-code"') > 0
    assert not any(piece in less for piece in pieces)
    assert re.findall(r' id="[^"]*"', less) == re.findall(r' id="[^"]*"', page)


def test_the_same_html_with_and_without(page):
    less, pieces = aside.set_aside(page)
    extensions = ["tables", "attr_list", "md_in_html"]
    put_back = aside.put_back(markdown.markdown(less, extensions=extensions), pieces)
    assert put_back == markdown.markdown(page, extensions=extensions)
