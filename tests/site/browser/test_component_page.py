"""A component's page as a reader meets it: wide and narrow, light and dark, by mouse and by keyboard, served and from a folder."""

import inspect
import re

import pytest

CONV2D = "/nn/convolution/conv2d.html"
STEPS = "document.querySelector('.rt-viewer').steps"


@pytest.mark.parametrize("width, scheme", [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")])
@pytest.mark.parametrize("path", ["/index.html", CONV2D])
def test_light_and_dark_as_the_system_is(visit, served, path, width, scheme):
    page = visit(served + path, width, scheme)
    colours = (
        "[document.body, document.querySelector('.rt-viewer .sv-code')].map(e => getComputedStyle(e).backgroundColor)"
    )
    for colour in page.evaluate(colours):
        channels = [int(channel) for channel in re.findall(r"\d+", colour)[:3]]
        assert max(channels) < 80 if scheme == "dark" else min(channels) > 200


def test_rows_stand_beside_their_notes(visit, served):
    page = visit(served + CONV2D, 1400)
    rows = page.evaluate("""[...document.querySelectorAll('.rt-row')].map(row => {
        const [notes, code] = [...row.children].map(part => part.getBoundingClientRect());
        return [notes.top - code.top, code.left - notes.right, notes.width, code.width];
    })""")
    assert len(rows) > 6
    for offset, gap, notes, code in rows:
        assert abs(offset) < 1 and gap > 0 and notes > 200 and code > 400


def test_lines_of_a_kernel_follow_each_other_without_gaps(visit, served):
    page = visit(served + CONV2D, 1400)
    tops = page.evaluate("""[...document.querySelectorAll('[data-function=conv2d_forward_cpu] .rt-line')]
        .map(line => line.getBoundingClientRect()).map(box => [box.top, box.bottom])""")
    assert len(tops) > 20
    for (_, bottom), (top, _) in zip(tops, tops[1:]):
        assert abs(top - bottom) < 1


def test_rows_stand_below_their_notes_on_a_phone(visit, served):
    page = visit(served + CONV2D, 390)
    below = page.evaluate("""[...document.querySelectorAll('.rt-row')].map(row => {
        const [notes, code] = [...row.children].map(part => part.getBoundingClientRect());
        return code.top >= notes.bottom - 1;
    })""")
    assert below and all(below)


@pytest.mark.parametrize("line", ["conv2d-forward-cpu-L5", "conv2d-forward-cuda-L10"])
def test_a_link_to_a_line_shows_it(visit, address, line):
    page = visit(f"{address}{CONV2D}#{line}")
    page.wait_for_function(f"""() => {{
        const box = document.getElementById('{line}').getBoundingClientRect();
        return box.height > 0 && box.top > 0 && box.bottom < innerHeight;
    }}""")
    other = line.rpartition("L")[0] + "L1"
    colours = [
        page.evaluate(f"getComputedStyle(document.getElementById('{name}')).backgroundColor") for name in (line, other)
    ]
    assert colours[0] != colours[1]


def test_twins_are_linked_tabs(visit, address):
    page = visit(address + CONV2D, 390)
    page.locator("label[for=tab-conv2d-forward-cpu-cuda]").click()
    shown = page.evaluate("""[...document.querySelectorAll('.rt-twin')].filter(twin => twin.getBoundingClientRect().height > 0)
        .map(twin => twin.dataset.device)""")
    assert len(shown) == 4 and set(shown) == {"cuda"}


def test_twins_stand_side_by_side(visit, served):
    """Only where both fit: beside their notes without being asked, below them where the reader asks; else there are two tabs."""
    boxes = """name => [...document.querySelectorAll(`[data-twins=${name}] .rt-twin`)].filter(twin => twin.getClientRects().length)
        .map(twin => twin.getBoundingClientRect()).map(box => [box.top, box.left, box.right, box.height])"""
    page = visit(served + "/nn/activation/elu.html", 1920)
    both = page.locator("label[for=tab-elu-forward-cpu-both]")
    assert len(page.evaluate(boxes, "elu-forward-cpu")) == 1
    both.click()
    (top, left, right, height), (other_top, other_left, other_right, other_height) = page.evaluate(
        boxes, "elu-forward-cpu"
    )
    assert top == other_top and right < other_left and min(height, other_height) > 100
    assert left > 0 and other_right <= 1920
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.wait_for_function("!document.querySelector('[data-twins=elu-forward-cpu]').dataset.fits")
    assert not both.is_visible() and len(page.evaluate(boxes, "elu-forward-cpu")) == 1
    page = visit(served + "/nn/activation/relu.html", 1920)
    (top, *_), (other_top, *_) = page.evaluate(boxes, "relu-forward-cpu")
    assert top == other_top and not page.locator("label[for=tab-relu-forward-cpu-both]").is_visible()


def test_the_lines_that_differ_are_tinted(visit, served):
    page = visit(served + CONV2D)
    tinted = page.locator("[data-function=conv2d_forward_cpu] .rt-differs code").all_text_contents()
    assert [line.split("(")[0].strip() for line in tinted if line.strip().startswith("for ")] == [
        f"for {name} in {loop}" for name, loop in zip(("n", "c_out", "h_out", "w_out"), ("prange", *["range"] * 3))
    ]
    colour = "selector => getComputedStyle(document.querySelector(selector)).backgroundColor"
    line = "[data-function=conv2d_forward_cpu] .rt-line"
    assert page.evaluate(colour, f"{line}.rt-differs") != page.evaluate(colour, f"{line}:not(.rt-differs)")


def test_copying_a_kernel(visit, served):
    from reftorch.nn.convolution.conv2d import conv2d_forward_cpu

    page = visit(served + CONV2D, permissions=["clipboard-read", "clipboard-write"])
    page.locator("[data-twins=conv2d-forward-cpu] .rt-copy").first.click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == inspect.getsource(conv2d_forward_cpu.py_func)


def test_without_scripts_all_can_be_read(visit, address):
    """Formulas, both twins' tabs, every line: first paint waits for no script."""
    page = visit(address + CONV2D, java_script_enabled=False)
    assert page.locator("#forward ~ .rt-text .katex-html").first.is_visible()
    assert (
        page.locator("#conv2d-forward-cpu-L5").is_visible() and not page.locator("#conv2d-forward-cuda-L5").is_visible()
    )
    page.locator("label[for=tab-conv2d-forward-cpu-cuda]").click()
    assert page.locator("#conv2d-forward-cuda-L5").is_visible()
    assert page.locator(".rt-viewer noscript").is_visible()


def test_the_symbols_table_on_a_phone(visit, served):
    """What a symbol means has the whole width."""
    page = visit(served + CONV2D, 390)
    cells = "[...document.querySelectorAll('.rt-symbols tbody tr')].map(row => row.lastElementChild.getBoundingClientRect())"
    widths = page.evaluate(f"{cells}.map(cell => [cell.left, cell.width])")
    assert len(widths) > 15 and all(left >= 0 and 300 < width <= 390 for left, width in widths)


def test_a_symbol_lights_all_its_places(visit, address):
    page = visit(address + CONV2D)
    lit = "[...document.querySelectorAll('.rt-lit')].map(place => place.dataset.sym)"
    page.locator("[data-function=conv2d_forward_cpu] [data-sym=k_h]").first.hover()
    found = page.evaluate(lit)
    assert len(found) > 10 and set(found) == {"k_h"}
    assert page.evaluate("document.querySelectorAll('.katex .rt-lit').length") > 2
    page.mouse.move(0, 0)
    assert page.evaluate(lit) == []
    page.locator(".rt-symbols tr[data-sym=w_in]").focus()
    assert set(page.evaluate(lit)) == {"w_in"} and len(page.evaluate(lit)) > 10


def test_search_finds_a_component_by_each_of_its_names(visit, address):
    page = visit(address + "/index.html")
    for words in ("MaxPool2d", "max_pool2d", "k_h"):
        page.locator(".md-search__input").fill(words)
        page.locator(".md-search-result__item a[href*='max_pool2d']").first.wait_for(state="visible")


@pytest.mark.parametrize(
    "width, scheme, paths",
    [
        (1400, "light", ["/index.html", "/functions.html", "/coverage.html", "/course.html"]),
        (1400, "dark", [CONV2D, "/guide/adding.html"]),
        (390, "light", ["/nn/activation/relu.html", "/notation.html", "/guide/tape.html"]),
        (390, "dark", ["/index.html", "/nn/activation/index.html", "/fast/ladder/conv2d_cuda.html"]),
    ],
)
def test_axe_finds_nothing_serious(visit, served, width, scheme, paths):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page = visit(served + paths[0], width, scheme)
    for path in paths:
        page.goto(served + path)
        if path == CONV2D:
            page.locator(".rt-viewer select").first.select_option("conv2d_forward_cuda")  # it has most controls
            page.evaluate(f"{STEPS}.show(30)")
        found = [
            (path, rule["id"], rule["impact"], rule["nodes"][0]["html"][:200], len(rule["nodes"]))
            for rule in axe.Axe()
            .run(page, {"exclude": [[".katex"]]}, {"resultTypes": ["violations"]})
            .response["violations"]
            if rule["impact"] in ("serious", "critical")
        ]
        assert not found
