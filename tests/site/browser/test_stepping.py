"""The step viewer on a page shows what the kernel did: its cells after the last step are the kernel's own result."""

import numpy as np
import pytest

CONV2D = "/nn/convolution/conv2d.html"
STEPS = "document.querySelector('.rt-viewer').steps"
CELLS = "[...document.querySelectorAll('.rt-viewer .sv-array')].at(-1).querySelectorAll('td')"


@pytest.fixture(scope="module")
def result():
    """The output of the worked example, from the compiled kernel."""
    import reftorch as torch
    import reftorch.nn.functional as F

    x = torch.tensor([[[[1.0, 2, 3], [4, 5, 6], [7, 8, 0]]]])
    return F.conv2d(x, torch.tensor([[[[1.0, 0], [0, -1]]]]), torch.tensor([10.0])).numpy().ravel()


@pytest.mark.parametrize("kernel", ["conv2d_forward_cpu", "conv2d_forward_cuda"])
def test_the_last_step_is_the_kernels_result(visit, address, result, kernel):
    page = visit(address + CONV2D)
    page.locator(".rt-viewer select").first.select_option(kernel)
    page.locator(".rt-viewer .step-viewer").focus()
    shown = f"[...{CELLS}].map(cell => cell.textContent)"
    assert page.evaluate(shown) == ["·"] * result.size
    page.keyboard.press("End")
    assert np.array_equal(np.array(page.evaluate(shown), dtype=np.float32), result)
    page.keyboard.press("Home")
    assert page.evaluate(shown) == ["·"] * result.size


def test_forward_and_back_show_the_same(visit, served):
    page = visit(served + CONV2D)
    page.locator(".rt-viewer .step-viewer").focus()
    look = """() => ['.sv-count', '.sv-now code', '.sv-state', '.sv-arrays'].map(part =>
        document.querySelector('.rt-viewer ' + part).textContent).concat([...document.querySelectorAll(
        '.rt-viewer .sv-read, .rt-viewer .sv-written')].map(cell => cell.className + cell.title))"""
    seen = [page.evaluate(look)]
    for _ in range(60):
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate(look))
    assert len({str(each) for each in seen}) == 61
    for wanted in reversed(seen[:-1]):
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(look) == wanted


def test_cells_read_are_those_that_the_line_names(visit, served):
    """At `acc += weight[c_out, c, k_h, k_w] * x[n, c_in, h_in, w_in]` the indices are the variables shown."""
    page = visit(served + CONV2D)
    page.locator(".rt-viewer .step-viewer").focus()
    met = 0
    for _ in range(60):
        page.keyboard.press("ArrowRight")
        if "acc += weight" not in page.locator(".rt-viewer .sv-now code").text_content():
            continue
        met += 1
        chips = page.locator(".rt-viewer .sv-state span").all_text_contents()
        at = dict(chip.split(" = ") for chip in chips)
        titles = page.evaluate(
            "[...document.querySelectorAll('.rt-viewer .sv-read')].map(cell => cell.title.split(' = ')[0])"
        )
        expected = {
            f"weight[{at['c_out']}, {at['c']}, {at['k_h']}, {at['k_w']}]",
            f"x[{at['n']}, {at['c_in']}, {at['h_in']}, {at['w_in']}]",
        }
        assert set(titles) == expected
    assert met > 2


def test_the_line_is_marked_in_the_listing_too(visit, address):
    page = visit(address + CONV2D)
    assert page.locator(".rt-now").count() == 0  # nobody has stepped yet
    page.locator(".rt-viewer .step-viewer").focus()
    for kernel in page.locator(".rt-viewer > label option").all_text_contents():
        page.locator(".rt-viewer select").first.select_option(kernel)
        page.locator(".rt-viewer .step-viewer").focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
            marked = page.locator(".rt-now code").all_text_contents()
            assert marked == page.locator(".rt-viewer .sv-now code").all_text_contents() and len(marked) == 1
            listing = "document.querySelector('.rt-now').closest('pre').dataset.function"
            assert page.evaluate(listing) == kernel


def test_leaving_loops(visit, served):
    """From inside the innermost loop each `o` goes one loop out, and at last to the end."""
    page = visit(served + CONV2D)
    page.locator(".rt-viewer .step-viewer").focus()
    line = page.locator(".rt-viewer .sv-now code")
    while "acc += weight" not in line.text_content():
        page.keyboard.press("ArrowRight")
    lines = []
    for _ in range(4):
        page.keyboard.press("o")
        lines.append(line.text_content().strip())
    assert lines[:4] == [
        "for k_h in range(K_h):",
        "for c in range(C_group):",
        "y[n, c_out, h_out, w_out] = acc",
        "for h_out in range(H_out):",
    ]


def test_play_and_pause_by_keyboard(visit, served):
    page = visit(served + CONV2D)
    page.locator(".rt-viewer .step-viewer").focus()
    page.keyboard.press("Space")
    page.wait_for_function(f"{STEPS}.at > 2")
    page.keyboard.press("Space")
    stopped = page.evaluate(f"{STEPS}.at")
    page.wait_for_timeout(600)
    assert page.evaluate(f"{STEPS}.at") == stopped


@pytest.mark.parametrize(
    "path, width",
    [
        ("index", 1400),
        ("nn/convolution/conv2d", 390),
        ("nn/loss/cross_entropy_loss", 1400),
        ("optim/adam", 1400),
    ],
)
def test_the_keyboard_reaches_the_viewer_in_ten_stops(visit, served, path, width):
    page = visit(f"{served}/{path}.html", width)
    first = page.evaluate(f"{STEPS}.at")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Skip to the steps":
            page.keyboard.press("Enter")
        if page.evaluate("document.activeElement.classList.contains('step-viewer')"):
            break
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{STEPS}.at") == first + 1
    assert page.locator(".step-viewer").evaluate("viewer => viewer.getBoundingClientRect().top < innerHeight")
    numbers = "[...document.querySelectorAll('.rt-line > a')]"
    assert page.evaluate(f"{numbers}.every(link => link.tabIndex < 0)")
    assert path == "index" or page.evaluate(f"{numbers}.length") > 20
