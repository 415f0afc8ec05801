"""Formula, loop and cell: what a symbol lights in the drawn tensors, what the viewer says of the line, one thread of a block."""

import re

import numpy as np
import pytest

CONV2D = "/nn/convolution/conv2d.html"
STEPS = "document.querySelector('.rt-viewer').steps"
LIT = "[...document.querySelectorAll('.rt-viewer td.sv-lit')].map(cell => cell.title.split(' = ')[0])"
FIGURES = "[...document.querySelectorAll('.rt-viewer figure.sv-lit figcaption')].map(text => text.firstChild.data)"
X = np.array([[[[1.0, 2, 3], [4, 5, 6], [7, 8, 0]]]], np.float32)
WEIGHT = np.array([[[[1.0, 0], [0, -1]]]], np.float32)


@pytest.fixture(scope="module")
def result():
    """The output of the worked example, from the compiled kernel."""
    import reftorch as torch
    import reftorch.nn.functional as F

    return F.conv2d(torch.tensor(X), torch.tensor(WEIGHT), torch.tensor([10.0])).numpy()


def at(page, line, skip=0):
    """Step on to a line of the kernel, the next one or as many later; returns the values of its variables."""
    page.evaluate(
        """([line, skip]) => {
        const place = document.querySelector('.rt-viewer'), steps = place.steps;
        while (!place.querySelector('.sv-now code').textContent.includes(line) || skip-- > 0) {
            const before = steps.at;
            steps.show(before + 1);
            if (steps.at === before) throw new Error(`the kernel never comes to ${line}`);
        }
    }""",
        [line, skip],
    )
    return chips(page)


def chips(page):
    found = page.locator(".rt-viewer .sv-state span:not(.sv-thread)").all_text_contents()
    return dict(chip.split(" = ") for chip in found)


# ------------------------------------------------------------------------------------------------- symbols and cells
@pytest.mark.parametrize(
    "symbol, dimension, array", [("h_in", 2, "x"), ("w_in", 3, "x"), ("k_h", 2, "weight"), ("k_w", 3, "weight")]
)
def test_an_index_lights_the_cells_that_it_addresses(visit, served, symbol, dimension, array):
    page = visit(served + CONV2D)
    value = int(at(page, "acc += weight", skip=2)[symbol])
    page.locator(f".rt-viewer .sv-formula [data-sym={symbol}]").first.hover()
    shape = {"x": X, "weight": WEIGHT}[array].shape
    wanted = {f"{array}[{', '.join(map(str, i))}]" for i in np.ndindex(shape) if i[dimension] == value}
    assert set(page.evaluate(LIT)) == wanted and len(wanted) == shape[5 - dimension]
    assert page.evaluate("document.querySelectorAll('.rt-viewer .sv-code .rt-lit').length") > 1
    page.mouse.move(0, 0)
    assert page.evaluate(LIT) == []


def test_an_output_index_lights_only_the_output(visit, served):
    page = visit(served + CONV2D)
    value = at(page, "acc += weight", skip=9)["h_out"]
    page.locator("[data-function=conv2d_forward_cpu] [data-sym=h_out]").first.hover()
    assert set(page.evaluate(LIT)) == {f"y[0, 0, {value}, {w}]" for w in (0, 1)}


def test_the_cells_follow_the_steps(visit, served):
    """The lit row moves with h_in while the pointer rests."""
    page = visit(served + CONV2D)
    at(page, "acc += weight", skip=1)
    page.locator(".rt-viewer .step-viewer").focus()
    page.locator(".rt-viewer .sv-formula [data-sym=h_in]").first.hover()
    seen = set()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        row = chips(page).get("h_in")
        assert {name.split(", ")[2] for name in page.evaluate(LIT)} == {row}
        seen.add(row)
    assert len(seen) > 1


@pytest.mark.parametrize("name", ["x", "weight", "y"])
def test_a_tensor_lights_by_keyboard(visit, address, name):
    page = visit(address + CONV2D)
    page.locator(f".rt-symbols tr[data-sym={name}]").focus()
    assert page.evaluate(FIGURES) == [name]
    page.locator(".rt-symbols tr[data-sym=stride_h], .rt-symbols tr[data-sym^='stride_h ']").focus()
    assert page.evaluate(FIGURES) == []


# --------------------------------------------------------------------------------------------------- what a line computes
def test_the_line_with_its_numbers(visit, served):
    """Each product is that of the cells whose indices are named, and the sum goes on from step to step."""
    page = visit(served + CONV2D)
    page.locator(".rt-viewer .step-viewer").focus()
    acc, met = None, 0
    for _ in range(70):
        values = at(page, "acc ")
        text = page.locator(".rt-viewer .sv-numbers").text_content()
        where = page.locator(".rt-viewer .sv-where").text_content()
        if "bias" in where:
            assert text == "acc = 10" and where == f"bias[c_out={values['c_out']}]"
            acc = 10.0
        else:
            before, weight, x, after = map(float, re.fullmatch(r"acc = (\S+) \+ (\S+) \* (\S+) = (\S+)", text).groups())
            k = int(values["k_h"]), int(values["k_w"])
            h = int(values["h_in"]), int(values["w_in"])
            assert where == (f"weight[c_out=0, c=0, k_h={k[0]}, k_w={k[1]}]  x[n=0, c_in=0, h_in={h[0]}, w_in={h[1]}]")
            assert (before, weight, x) == (acc, WEIGHT[0, 0][k], X[0, 0][h]) and after == before + weight * x
            acc = after
        met += 1
        page.keyboard.press("ArrowRight")
        if met == 12:
            break
    assert met == 12


def test_indices_and_conditions_with_their_numbers(visit, served):
    page = visit(served + CONV2D)
    values = at(page, "h_in = ", skip=1)
    numbers = page.locator(".rt-viewer .sv-numbers")
    h, k = values["h_out"], values["k_h"]
    assert numbers.text_content() == f"h_in = {h} * 1 - 0 + {k} * 1 = {int(h) + int(k)}"
    values = at(page, "if 0 <= h_in")
    assert numbers.text_content() == f"0 <= {values['h_in']} < 3: True"
    values = at(page, "for k_w in")
    assert numbers.text_content() == f"k_w = {values['k_w']} in range(2)"
    values = at(page, "y[n, c_out, h_out, w_out] = acc")
    assert numbers.text_content() == f"y[0, 0, {values['h_out']}, {values['w_out']}] = {values['acc']}"


def test_a_condition_that_does_not_hold(visit, served):
    """The gradient of the input asks for outputs that there are not."""
    page = visit(served + CONV2D)
    page.locator(".rt-viewer select").first.select_option("conv2d_backward_x_cpu")
    page.locator(".rt-viewer .step-viewer").focus()
    seen = set()
    for _ in range(16):
        values = at(page, "if h_even")
        text = page.locator(".rt-viewer .sv-numbers").text_content()
        holds = values["h_even"] == "True" and 0 <= int(values["h_out"]) < 2
        assert text == f"{values['h_even']} and 0 <= {values['h_out']} < 2: {holds}"
        seen.add(holds)
        page.keyboard.press("ArrowRight")
    assert seen == {True, False}


def test_the_formula_marks_the_terms_of_the_line(visit, address):
    page = visit(address + CONV2D)
    marked = (
        "[...new Set([...document.querySelectorAll('.sv-formula .sv-here')].map(place => place.dataset.sym))].sort()"
    )
    shown = "document.querySelector('.sv-formula .katex-html').textContent"
    at(page, "acc += weight")
    assert page.evaluate(marked) == sorted(["weight", "x", "n", "c_out", "c", "k_h", "k_w", "c_in", "h_in", "w_in"])
    at(page, "acc = bias")
    assert page.evaluate(marked) == ["bias", "c_out"]
    forward = page.evaluate(shown)
    page.locator(".rt-viewer select").first.select_option("conv2d_backward_weight_cuda")
    assert page.evaluate(shown) != forward and "∂W" in page.evaluate(shown)


# --------------------------------------------------------------------------------------------------------------- threads
def cells(page):
    return page.evaluate("""[...[...document.querySelectorAll('.rt-viewer .sv-array')].at(-1).querySelectorAll('td')]
        .map(cell => cell.textContent)""")


def test_one_thread_by_keyboard(visit, served, result):
    """Thread 2 owns y[0, 0, 1, 0]: its steps are all its own, and the last one has written it."""
    page = visit(served + CONV2D)
    page.locator(".rt-viewer select").first.select_option("conv2d_forward_cuda")
    choice = page.get_by_label("Thread")
    assert choice.locator("option").all_text_contents() == ["all 4", *(f"thread {i}" for i in range(4))]
    every = int(page.locator(".sv-count").text_content().split(" / ")[1])
    choice.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert choice.input_value() == "2"
    own = int(page.locator(".sv-count").text_content().split(" / ")[1])
    assert 0 < own < every
    page.locator(".rt-viewer .step-viewer").focus()
    page.keyboard.press("Home")
    for step in range(own):
        assert page.locator(".sv-count").text_content() == f"{step + 1} / {own}"
        assert page.locator(".sv-thread").all_text_contents() == ["thread 2"]
        if step < own - 1:
            page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    assert cells(page) == [f"{value:g}" for value in result.ravel()[:3]] + ["·"]
    assert chips(page)["i"] == "2"
    choice.select_option("")
    page.locator(".rt-viewer .step-viewer").focus()
    page.keyboard.press("End")
    assert page.locator(".sv-count").text_content() == f"{every} / {every}"
    assert cells(page) == [f"{value:g}" for value in result.ravel()]


def test_the_strip_shows_the_running_thread(visit, served):
    page = visit(served + CONV2D)
    assert page.locator(".sv-threads").count() == 0  # a CPU kernel has none
    page.locator(".rt-viewer select").first.select_option("conv2d_forward_cuda")
    running = "[...document.querySelectorAll('.sv-strip i')].map(dot => dot.classList.contains('sv-running'))"
    assert page.evaluate(running) == [True, False, False, False]
    page.locator(".sv-strip i").nth(3).click()
    assert page.evaluate(running) == [False, False, False, True]
    assert page.locator(".sv-thread").text_content() == "thread 3" and page.get_by_label("Thread").input_value() == "3"
