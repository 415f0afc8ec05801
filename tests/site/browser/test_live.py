"""The live example of a component page: numbers, options and the loop itself are changed, and what comes out is Python's result."""

import json
import re

import pytest

CONV2D = "/nn/convolution/conv2d.html"
Y = "[...document.querySelectorAll('.lv-out .lv-array')][0].querySelectorAll('td')"


def opened(page):
    page.locator(".rt-live").first.click()
    page.wait_for_selector(".lv-text")
    return page.locator(".lv-text")


def result(page):
    page.wait_for_timeout(300)  # an edit is run a moment later
    return page.evaluate(f"[...{Y}].map(cell => cell.textContent)")


def edit(page, old, new):
    text = page.locator(".lv-text")
    assert old in text.input_value()
    text.fill(text.input_value().replace(old, new))
    page.wait_for_timeout(300)


@pytest.fixture
def conv2d(visit, served):
    page = visit(served + CONV2D)
    opened(page)
    return page


def test_nothing_is_loaded_until_it_is_touched(visit, address):
    page = visit(address + CONV2D)
    loaded = "performance.getEntriesByType('resource').filter(one => one.name.includes('/assets/live/')).length"
    assert page.evaluate(loaded) == 0
    opened(page)
    assert result(page) == ["6", "6", "6", "15"]
    assert page.evaluate("document.querySelectorAll('script[src*=\"/live/\"]').length") == 4
    page.locator(".rt-viewer select").first.select_option("conv2d_backward_x_cpu")
    page.wait_for_function("document.querySelector('.lv-text').value.includes('conv2d_backward_x_cpu')")
    assert page.evaluate("document.querySelectorAll('script[src*=\"/live/\"]').length") == 4


def test_options_and_numbers(conv2d):
    import reftorch as torch
    import reftorch.nn.functional as F

    conv2d.get_by_label("pad_h").fill("1")
    conv2d.get_by_label("stride_w").fill("2")
    conv2d.get_by_label("x[0, 0, 0, 0]", exact=True).fill("0.1")
    x = torch.tensor([[[[0.1, 2, 3], [4, 5, 6], [7, 8, 0]]]])
    weight, bias = torch.tensor([[[[1.0, 0], [0, -1]]]]), torch.tensor([10.0])
    wanted = F.conv2d(x, weight, bias, stride=(1, 2), padding=(1, 0)).numpy().ravel().tolist()
    assert [float(text) for text in result(conv2d)] == pytest.approx(wanted, abs=1e-3)
    assert "y has the shape (1, 1, 4, 1) now" in conv2d.locator(".lv-says").text_content()
    steps = conv2d.evaluate("document.querySelector('.rt-viewer').steps.cells.length")
    assert steps == 9 + 4 + 1 + 4  # the step viewer shows this run
    conv2d.get_by_label("stride_w").fill("0.5")
    assert conv2d.get_by_label("stride_w").get_attribute("aria-invalid") == "true"
    told = conv2d.locator(".lv-error")
    assert told.text_content() == 'stride_w should be a whole number; found "0.5". The last number stays.'
    conv2d.get_by_label("stride_w").fill("-1")
    assert told.text_content() == "stride_w = -1: stride_w should be at least 1. The last number stays."
    conv2d.get_by_label("pad_h").fill("1000000")
    assert "and up to 400 are shown here" in told.text_content()
    conv2d.get_by_role("button", name="Reset").click()
    assert result(conv2d) == ["6", "6", "6", "15"]


def test_a_changed_loop_is_run_and_stepped_through(conv2d):
    edit(conv2d, "acc = bias[c_out]", "acc = bias[c_out] * 2")
    assert result(conv2d) == ["16", "16", "16", "25"]
    listing = conv2d.locator(".rt-viewer .sv-listing").first.text_content()
    assert "acc = bias[c_out] * 2" in listing
    assert "4 of 4 elements" in conv2d.locator(".lv-news").text_content()


def test_an_error_names_line_and_variable(conv2d):
    error = conv2d.locator(".lv-error")
    edit(conv2d, "acc += weight[", "acc += wieght[")
    assert error.text_content() == "Line 20: NameError: name 'wieght' is not defined. Did you mean: 'weight'?"
    assert conv2d.locator(".lv-wrong").text_content().strip() == "20"
    assert "wieght[" in conv2d.locator(".rt-viewer .sv-now").text_content()  # stepped up to there
    edit(
        conv2d,
        "wieght[c_out, c, k_h, k_w] * x[n, c_in, h_in, w_in]",
        "weight[c_out, c, k_h, k_w] * x[n, c_in, h_in, w_in + 2]",
    )
    assert "IndexError: x[n, c_in, h_in, w_in + 2]: w_in + 2 = 3 is outside 0..2" in error.text_content()
    edit(conv2d, "if 0 <= w_in < W_in:", "if 0 <= w_in < W_in")
    assert error.text_content() == "Line 19: SyntaxError: expected ':'"


def test_a_known_mistake_is_told(conv2d):
    from reftorch.course.mutants import mutants_of

    text = conv2d.locator(".lv-text").input_value()
    told = 0
    for mutant in mutants_of("nn/convolution/conv2d"):
        if mutant.kernel == "conv2d_forward_cpu":
            changed = text.replace(mutant.find, mutant.replace).replace(" + ", "  +  ") + "# an end\n"
            conv2d.locator(".lv-text").fill(changed)
            conv2d.wait_for_timeout(300)
            assert mutant.says in conv2d.locator(".lv-mistake").text_content()
            told += 1
    assert told > 2
    conv2d.locator(".lv-text").fill(text)
    conv2d.wait_for_timeout(300)
    assert conv2d.locator(".lv-mistake").text_content() == ""


def test_a_link_carries_the_edits(conv2d, visit, address):
    conv2d.locator(".rt-viewer select").first.select_option("conv2d_backward_weight_cpu")
    conv2d.wait_for_function("document.querySelector('.lv-text').value.includes('backward_weight')")
    edit(conv2d, "grad_y[n", "2 * grad_y[n")
    conv2d.get_by_label("x[0, 0, 1, 1]", exact=True).fill("-7.5")
    wanted = result(conv2d)
    conv2d.get_by_role("button", name="Copy a link").click()
    conv2d.wait_for_function("location.hash.startsWith('#live=')")
    page = visit(address + CONV2D + conv2d.evaluate("location.hash"))
    page.wait_for_selector(".lv-text")
    assert "2 * grad_y[n" in page.locator(".lv-text").input_value()
    assert result(page) == wanted
    broken = visit(address + CONV2D + "#live=" + "e30x")
    assert broken.locator(".lv-text").count() == 0


@pytest.mark.parametrize(
    "path", ["activation/leaky_relu", "pooling/max_pool2d", "loss/cross_entropy_loss", "normalization/layer_norm"]
)
def test_every_kernel_of_a_page_is_live(visit, served, path):
    """What the interpreter computes at first is what the recording of the page ends with."""
    page = visit(f"{served}/nn/{path}.html")
    opened(page)
    names = page.evaluate("[...document.querySelectorAll('script[data-live]')].map(one => one.dataset.live)")
    assert names and all(name.endswith("_cpu") for name in names)
    for name in names:
        page.locator(".rt-viewer select").first.select_option(name)
        page.wait_for_function(f"document.querySelector('.lv-text').value.includes('def {name}(')")
        assert page.locator(".lv-error").text_content() == "" and page.locator(".lv-news").text_content() == ""
        page.evaluate("document.querySelector('.rt-viewer').steps.show(1e9)")
        data = json.loads(page.locator(f'script[data-live="{name}"]').text_content())
        last = page.evaluate("document.querySelector('.rt-viewer').steps.cells")
        assert len(last) == sum(len(array["data"]) for array in data["arrays"])


@pytest.mark.parametrize("width, scheme", [(1400, "light"), (390, "dark")])
def test_it_fits_and_can_be_read(visit, served, width, scheme):
    page = visit(served + CONV2D, width, scheme)
    opened(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = """[...document.querySelectorAll('.rt-viewer :is(input, select, textarea, button)')].filter(one =>
        !one.getAttribute('aria-label') && !one.labels?.length && !one.textContent.trim()).length"""
    assert page.evaluate(unnamed) == 0
    for part in (".lv-text", ".lv-gutter", ".lv-options label", ".lv-array td input"):
        style = page.evaluate(f"""(() => {{ let node = document.querySelector('{part}'); const ink = getComputedStyle(node).color;
            while (/, 0\\)$/.test(getComputedStyle(node).backgroundColor)) node = node.parentElement;
            return [ink, getComputedStyle(node).backgroundColor]; }})()""")
        assert contrast(*style) >= 4.5, (part, style)


@pytest.mark.parametrize("width, scheme", [(1400, "dark"), (390, "light")])
def test_axe_finds_nothing_serious(visit, served, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page = visit(served + CONV2D, width, scheme)
    opened(page)
    edit(page, "weight[c_out, c, k_h, k_w]", "weight[c_out, c, K_h - 1 - k_h, K_w - 1 - k_w]")  # a known mistake
    check = axe.Axe()
    for told in (".lv-mistake", ".lv-error"):
        assert page.locator(told).text_content()
        said = check.run(page, ".rt-viewer", {"resultTypes": ["violations"]}).response["violations"]
        found = [(r["id"], r["nodes"][0]["html"][:200]) for r in said if r["impact"] in ("serious", "critical")]
        assert not found, told
        if told == ".lv-mistake":
            edit(page, "acc += weight", "acc += wieght")


def contrast(*colours):
    def light(colour):
        parts = [float(part) for part in re.findall(r"[\d.]+", colour)]
        under = 255 if sum(parts[:3]) < 380 else 0  # a translucent ink lies over the other end
        alpha = parts[3] if len(parts) > 3 else 1
        channels = [(part * alpha + under * (1 - alpha)) / 255 for part in parts[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted(map(light, colours))
    return (high + 0.05) / (low + 0.05)


def test_on_a_phone_code_and_cells_are_in_view(visit, served):
    page = visit(served + CONV2D, 360)
    page.set_viewport_size({"width": 360, "height": 740})
    page.evaluate("document.querySelector('.step-viewer').scrollIntoView()")
    page.evaluate("scrollBy(0, -88)")  # below the header and the contents
    for _ in range(20):
        boxes = page.evaluate("""['.sv-now', '.sv-work', '.sv-window'].map(part => {
            const box = document.querySelector('.rt-viewer ' + part).getBoundingClientRect(); return [box.top, box.bottom]; })""")
        assert all(84 <= top and bottom <= 740 for top, bottom in boxes), boxes
        page.locator(".rt-viewer .sv-bar button").nth(3).click()


@pytest.mark.parametrize(
    "path",
    ["loss/cross_entropy_loss", "loss/ctc_loss", "transformer/attention", "vision/grid_sample", "recurrent/lstm"],
)
def test_on_a_phone_the_cells_of_the_line_are_brought_into_view(visit, served, path):
    """Arrays that do not fit scroll inside their pane, so that a cell that the line reads or writes can be seen beside the line."""
    page = visit(f"{served}/nn/{path}.html", 360)
    page.set_viewport_size({"width": 360, "height": 740})
    page.evaluate("document.querySelector('.step-viewer').scrollIntoView()")
    page.evaluate("scrollBy(0, -88)")
    met = 0
    for _ in range(40):
        line, cell = page.evaluate("""(() => {
            const inside = (box, pane) => box.top >= pane.top - 1 && box.bottom <= pane.bottom + 1 && box.top >= 84 && box.bottom <= 740;
            const seen = part => [...document.querySelectorAll('.rt-viewer ' + part)].map(node =>
                inside(node.getBoundingClientRect(), node.closest('.sv-arrays, .sv-code').getBoundingClientRect()));
            const cells = seen('.sv-written').concat(seen('.sv-read'));
            return [seen('.sv-now')[0], cells.length ? cells.some(Boolean) : null]; })()""")
        assert line and cell is not False
        met += cell is True
        page.locator(".rt-viewer .sv-bar button").nth(3).click()
    assert met > 1


def test_speed_and_what_a_step_says(visit, served):
    page = visit(served + CONV2D)
    steps = "document.querySelector('.rt-viewer').steps"
    start = page.evaluate(f"{steps}.at")
    assert page.locator(".rt-viewer .sv-now").text_content().strip().endswith("acc = bias[c_out]")
    said = page.locator(".rt-viewer .sv-said")
    assert said.get_attribute("role") == "status"
    assert re.fullmatch(r"Line \d+: acc = bias\[c_out\]\. Reads bias\[0\] = 10\. Sets acc = 10\.", said.text_content())
    met = {}
    page.clock.install()
    for speed in ("normal", "fast"):
        page.get_by_label("Speed of playing").first.select_option(speed)
        page.evaluate(f"{steps}.show({start})")
        page.locator(".rt-viewer .step-viewer").focus()
        page.keyboard.press("Space")
        page.clock.run_for(900)
        page.keyboard.press("Space")
        met[speed] = page.evaluate(f"{steps}.at") - start
    assert 1 <= met["normal"] < met["fast"] / 2, met
