"""A component's page as a reader meets it: wide and narrow, light and dark, by mouse and by keyboard, served and from a folder."""

import pytest

CONV2D = "/nn/convolution/conv2d.html"
SIZES = [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")]
STEPS = "document.querySelector('.rt-viewer').steps"


@pytest.mark.parametrize("width, scheme", SIZES)
@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        CONV2D,
        "/nn/loss/cross_entropy_loss.html",
        "/nn/activation/index.html",
        "/coverage.html",
        "/notation.html",
        "/functions.html",
        "/benchmarks.html",
        "/fast/ladder/matmul.html",
        "/guide/adding.html",
    ],
)
def test_nothing_is_wider_than_the_window(visit, served, path, width, scheme):
    page = visit(served + path, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every(c => c < 80)"
    )
    assert dark == (scheme == "dark")


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
        page.locator(".md-search-result__item a[href*='max_pool2d']").first.wait_for(state="visible", timeout=10_000)


@pytest.mark.parametrize("path", ["/index.html", CONV2D, "/notation.html", "/functions.html", "/guide/adding.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit, served, path, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page = visit(served + path, 1400, scheme)
    if path == CONV2D:
        page.locator(".rt-viewer select").first.select_option("conv2d_forward_cuda")  # it has most controls
        page.evaluate(f"{STEPS}.show(30)")
    found = [
        (rule["id"], rule["impact"], rule["nodes"][0]["html"][:200], len(rule["nodes"]))
        for rule in axe.Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert not found
