"""What stands around a component: the front page, the way to its file and its neighbours; and the page on paper."""

import pytest

CONV2D = "/nn/convolution/conv2d.html"
RELU = "/nn/activation/relu.html"


def test_the_front_page_says_it_at_a_glance(visit, served):
    """Above the fold: three promises, two commands, and the viewer at a line that multiplies two lit cells."""
    page = visit(served + "/index.html")
    page.set_viewport_size({"width": 1400, "height": 900})
    parts = (
        ".rt-promises li",
        ".highlight code",
        ".sv-bar",
        ".sv-formula .sv-here",
        ".sv-numbers",
        ".sv-now",
        "td.sv-read",
    )
    for part, count in zip(parts, (3, 1, 1, 5, 1, 1, 2)):
        bottoms = page.evaluate(
            "part => [...document.querySelectorAll(part)].map(e => e.getBoundingClientRect().bottom)", part
        )
        assert len(bottoms) >= count and max(bottoms) <= 900, part
    assert page.locator(".highlight code").first.text_content().strip().count("\n") == 1
    assert page.locator(".sv-now code").text_content().strip().startswith("acc +=")
    assert page.locator(".sv-numbers").text_content() == "acc = 10 + 1 * 1 = 11"


def test_the_file_opens_at_a_function(visit, address):
    page = visit(address + CONV2D)
    page.locator(".rt-functions a", has_text="conv2d_backward_x_cpu").click()
    page.wait_for_function("""() => {
        const box = document.getElementById('conv2d-backward-x-cpu-L1').getBoundingClientRect();
        return box.top > 0 && box.bottom < innerHeight;
    }""")


def test_neighbours_lead_to_pages(visit, address):
    page = visit(address + RELU)
    names = page.locator("h2:has-text('Neighbours') + ul a").all_text_contents()
    assert len(names) >= 3 and {"LeakyReLU", "PReLU"} <= set(names)
    page.locator("h2:has-text('Neighbours') + ul a", has_text="PReLU").first.click()
    page.wait_for_load_state()
    assert page.locator("h1").first.text_content().strip().startswith("PReLU")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/index.html", CONV2D])
def test_on_paper(visit, served, path, scheme):
    """Black on white whatever the screen shows, both twins, nothing cut off, no controls."""
    page = visit(served + path, 700, scheme)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    shown = "selector => [...document.querySelectorAll(selector)].filter(e => e.getClientRects().length).length"
    for hidden in (".md-header", ".md-sidebar", ".sv-bar", ".sv-help", ".rt-copy", ".rt-twins > label"):
        assert page.evaluate(shown, hidden) == 0, hidden
    assert page.evaluate("""[...document.querySelectorAll('.rt-twin')].every(twin => twin.getClientRects().length)""")
    pale = page.evaluate("""[...document.querySelectorAll('.md-content *')].filter(e => e.getClientRects().length && [...e.childNodes].some(
        n => n.nodeType === 3 && n.data.trim()) && getComputedStyle(e).color.match(/\\d+/g).slice(0, 3).every(c => c > 150))
        .map(e => e.outerHTML.slice(0, 80))""")
    assert pale == []
    cut = page.evaluate(
        "[...document.querySelectorAll('.rt-line, .highlight code')].filter(line => line.getClientRects().length &&"
        " line.scrollWidth > line.parentElement.clientWidth + 1).length"
    )
    assert cut == 0


def test_contents_stay_in_view(visit, address):
    """A line below the header, with the part that is being read marked; on a phone a list that opens and closes."""
    page = visit(address + CONV2D)
    page.locator(".rt-contents a", has_text="Symbols").click()
    page.wait_for_function("document.querySelector('.rt-contents a[aria-current]')?.textContent === 'Symbols'")
    box = page.locator(".rt-contents").bounding_box()
    heading = page.locator("h2#symbols").bounding_box()
    assert 0 < box["y"] < 100 and box["y"] + box["height"] <= heading["y"] + 1
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("!document.querySelector('.rt-contents details').open")
    page.locator(".rt-contents summary").click()
    assert page.locator(".rt-contents a", has_text="Source").is_visible()
    page.locator(".rt-contents a", has_text="Source").click()
    page.wait_for_function("!document.querySelector('.rt-contents details').open")


def test_a_question_opens_its_answer(visit, served):
    page = visit(served + CONV2D)
    question = page.locator(".rt-questions details").first
    assert not question.locator("p, pre").first.is_visible()
    markers = "['::before', '::after'].map(part => getComputedStyle(document.querySelector('.rt-questions summary'), part).display)"
    assert page.evaluate(markers) == ["none", "none"], "the theme's own would stand at the top of the page"
    question.locator("summary").click()
    assert question.locator("p, pre").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_have_the_colours_of_the_scheme(visit, served, scheme):
    """Text and lines stand out from what is behind them."""
    page = visit(served + CONV2D, 1400, scheme)
    picture = page.locator(".rt-picture").first
    assert picture.bounding_box()["y"] < 600
    text = page.evaluate(
        "getComputedStyle(document.querySelector('.rt-picture text')).fill.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert all(part < 100 for part in text) if scheme == "light" else all(part > 150 for part in text)
