"""The tape, drawn and told."""

import io
import re
import xml.etree.ElementTree as ET

import pytest

import reftorch as torch
import reftorch.nn.functional as F
from reftorch import nn
from reftorch.autograd import Function, draw, explain
from reftorch.autograd.formulas import formulas, place, plain_text
from reftorch.nn.activation.relu import ReluFunction
from reftorch.nn.convolution.conv2d import Conv2dFunction
from reftorch.ops.elementwise import Mul
from reftorch.ops.unary import Exp, Tan


@pytest.fixture(autouse=True)
def no_compiler():
    """The numbers do not matter here."""
    with torch.debug():
        yield


def network():
    """A small network with a branch, and everything that has a name in the test."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    x = torch.randn(1, 1, 4, 4)
    h = model(x)
    loss = (h.exp() * h).sum()
    return model, x, h, loss


def steps(text):
    """What each step of an explanation is: the function, or the leaf whose gradient grows."""
    return re.findall(r"^ *\d+\. (\S+?)(?:\.grad| )", text, re.MULTILINE)


# ------------------------------------------------------------------------------------------------------------- explain
def test_the_order_is_that_of_backward(capsys):
    model, x, h, loss = network()
    explain(loss)
    text = capsys.readouterr().out
    order = []
    stack, seen = [loss.grad_fn], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        node.register_prehook(lambda grads, node=node: order.append(node.name()))
        stack += [before for before, _ in node.next_functions if before is not None]
    loss.backward()
    shown = ["AccumulateGrad" if step.startswith("model.") else step for step in steps(text)]
    assert shown == order and len(order) == 7


def test_each_step_has_its_shapes_its_formula_and_its_place(capsys):
    model, x, h, loss = network()
    explain(loss)
    text = capsys.readouterr().out
    assert text.startswith("The backward pass of loss (), from dL/dL = 1:\n")
    convolution = text[text.index("ConvolutionBackward0") :].partition("\n\n")[0]
    assert "takes the gradient of its result (1, 2, 2, 2), gives that of weight (2, 1, 3, 3), bias (2,)" in convolution
    assert "∂L/∂b[c_out] = Σ(n) Σ(h_out, w_out) ∂L/∂y[n, c_out, h_out, w_out]" in convolution
    assert re.search(r"reftorch/nn/convolution/conv2d\.py:\d+", convolution)
    assert "model.0.weight.grad += (2, 1, 3, 3)" in text and "da = b dy" in text and "dx = y dy" in text
    assert "takes the gradient of h (1, 2, 2, 2), gives that of x (1, 2, 2, 2)" in text  # ReLU


def test_explaining_changes_nothing():
    model, x, h, loss = network()
    explain(loss, file=io.StringIO())
    assert draw(loss).svg
    assert all(parameter.grad is None for parameter in model.parameters())
    loss.backward()
    assert model[0].weight.grad is not None


def test_printed_by_default(capsys):
    a = torch.ones(2, requires_grad=True)
    explain(a.sum())
    assert capsys.readouterr().out.endswith("  2. a.grad += (2,)\n")


def test_names_can_be_given():
    model, x, h, loss = network()
    by_module, by_dict = io.StringIO(), io.StringIO()
    explain(loss, names=model, file=by_module)
    explain(loss, names={"kernel": model[0].weight}, file=by_dict)
    assert "0.weight.grad += (2, 1, 3, 3)" in by_module.getvalue()
    assert "kernel.grad += (2, 1, 3, 3)" in by_dict.getvalue() and "bias.grad += (2,)" in by_dict.getvalue()


class Cube(Function):
    """y = x³;  dx = 3 x² dy"""

    @staticmethod
    def forward(ctx, x, *rest):
        ctx.save_for_backward(x, None)
        return x * x * x

    @staticmethod
    def backward(ctx, grad_y):
        (x, _) = ctx.saved_tensors
        return (3 * x * x * grad_y, None, None)


def test_a_function_of_ones_own(capsys):
    x = torch.ones(2, requires_grad=True, dtype=torch.float64)
    y = Cube.apply(x, 1, 2)
    explain(y)
    text = capsys.readouterr().out
    assert "CubeBackward" in text and "dx = 3 x² dy" in text and "test_view.py:" in text
    assert "takes the gradient of y (2,) float64, gives that of x (2,) float64" in text


def test_no_history():
    for nothing in (torch.ones(2), torch.ones(2, requires_grad=True).detach()):
        with pytest.raises(RuntimeError, match="does not require grad"):
            draw(nothing)
    with pytest.raises(TypeError, match="wanted a tensor, found a int"):
        explain(3)


# ---------------------------------------------------------------------------------------------------------------- draw
def boxes(svg):
    """The lines of text of each box, and the rectangle (left, top, right, bottom)."""
    names = {"s": "http://www.w3.org/2000/svg"}
    found = []
    for group in ET.fromstring(svg).findall(".//s:g", names):
        rectangle = group.find("s:rect", names)
        if rectangle is not None:
            left, top, width, height = (float(rectangle.get(k)) for k in ("x", "y", "width", "height"))
            lines = [text.text for text in group.findall("s:text", names)]
            found.append((lines, (left, top, left + width, top + height)))
    return found


def test_the_picture_has_tensors_functions_and_what_they_save():
    model, x, h, loss = network()
    texts = [lines for lines, _ in boxes(draw(loss).svg)]
    assert ["loss", "()"] in texts and ["h", "(1, 2, 2, 2)"] in texts and ["model.0.bias", "(2,)"] in texts
    assert ["ConvolutionBackward0", "saves x (1, 1, 4, 4)", "saves model.0.weight (2, 1, 3, 3)"] in texts
    assert ["ReluBackward0", "saves h (1, 2, 2, 2)"] in texts  # its result
    assert draw(loss)._repr_svg_() == draw(loss).svg


def test_boxes_do_not_overlap_and_arrows_point_down():
    a = torch.ones(3, requires_grad=True)
    parts = [a.exp(), a.sin() * 2, a * a, a.cos(), a.tanh().exp().log()]
    loss = sum(parts, start=a).sum()
    picture = draw(loss)
    places = [rectangle for _, rectangle in boxes(picture.svg)]
    for i, (left, top, right, bottom) in enumerate(places):
        assert all(right <= x0 or x1 <= left or bottom <= y0 or y1 <= top for x0, y0, x1, y1 in places[:i])
    root = ET.fromstring(picture.svg)
    width, height = float(root.get("width")), float(root.get("height"))
    assert all(0 <= x0 and 0 <= y0 and x1 <= width and y1 <= height for x0, y0, x1, y1 in places)
    arrows = [path.get("d") for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("marker-end")]
    assert len(arrows) == len(picture.arrows)
    for arrow in arrows:
        heights = [float(y) for _, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", arrow)]
        assert heights == sorted(heights)


def test_graphviz_source():
    model, x, h, loss = network()
    source = draw(loss).dot
    assert source.startswith("digraph tape {") and source.endswith("}\n")
    nodes = dict(re.findall(r'^  (n\d+) \[label="(\w[\w.]*)', source, re.MULTILINE))
    arrows = {(nodes.get(a), nodes.get(b)) for a, b in re.findall(r"(n\d+) -> (n\d+);", source)}
    assert {("model.0.weight", "ConvolutionBackward0"), ("ReluBackward0", "h"), ("h", "ExpBackward0")} <= arrows
    assert ("h", "MulBackward0") in arrows and ("SumBackward0", "loss") in arrows


def test_saved_to_a_file(tmp_path):
    a = torch.ones(2, requires_grad=True)
    picture = draw((a * a).sum())
    for name, content in (("tape.svg", picture.svg), ("tape.dot", picture.dot), ("tape.gv", picture.dot)):
        picture.save(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == content


def test_after_backward_the_saved_tensors_are_gone():
    a = torch.ones(2, requires_grad=True)
    loss = (a * a).sum()
    loss.backward()
    assert "saved tensors: freed" in draw(loss).svg


def test_several_outputs_and_a_leaf_alone():
    x = torch.arange(16.0).reshape(1, 1, 4, 4).requires_grad_()
    y, index = F.max_pool2d(x, 2, return_indices=True)
    assert ["MaxPool2DWithIndicesBackward0", "saves index (1, 1, 2, 2) int64"] in [t for t, _ in boxes(draw(y).svg)]
    assert [lines for lines, _ in boxes(draw(x).svg)] == [["x", "(1, 1, 4, 4)"]]


@pytest.mark.simulator
def test_on_cuda():
    a = torch.ones(2).to("cuda").requires_grad_()
    texts = [lines for lines, _ in boxes(draw((a * a).sum()).svg)]
    assert ["a", "(2,) cuda:0"] in texts and ["MulBackward0", "saves a (2,) cuda:0", "saves a (2,) cuda:0"] in texts


# ------------------------------------------------------------------------------------------------------------ formulas
@pytest.mark.parametrize(
    "tex, text",
    [
        (r"\frac{\partial L}{\partial x_i} = 2 \, y", "∂L/∂x_i = 2 y"),
        (r"\frac{a + b}{s_h} \cdot \frac12", "(a + b)/s_h · 1/2"),
        (r"\sum_{c=0}^{C_{in}/G - 1} W[c_{out}, c]", "Σ(c=0..C_in/G - 1) W[c_out, c]"),
        (r"\left\lfloor \frac{h}{s} \right\rfloor + e^{x_i - m}", "⌊h/s⌋ + e^(x_i - m)"),
        (r"\sqrt{v[c] + \varepsilon}", "√(v[c] + ε)"),
        (
            r"\begin{cases} \frac{a}{b} & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
            "{a/b if x > 0, 0 otherwise}",
        ),
        (r"a = 1 \qquad" + "\n" + r"b \le 2", "a = 1\nb ≤ 2"),
        (r"\hat x", "x\u0302"),
    ],
)
def test_tex_as_text(tex, text):
    assert plain_text(tex) == text


def test_where_formulas_come_from():
    assert formulas(Mul) == ["da = b dy", "db = a dy"]
    assert formulas(Exp) == ["dx = y dy"] and formulas(Tan) == ["dx = (y · y + 1) dy"]
    assert formulas(ReluFunction)[0].startswith("∂L/∂x_i = {∂L/∂y_i if ")
    assert len(formulas(Conv2dFunction)) == 4
    assert place(ReluFunction).startswith("reftorch/nn/activation/relu.py:")


def test_no_tex_is_left_in_any_formula():
    def inherited(cls):
        return [sub for direct in cls.__subclasses__() for sub in (direct, *inherited(direct))]

    functions = [f for f in inherited(Function) if f.__module__.startswith("reftorch.")]
    assert len(functions) > 40
    for function in functions:
        assert not re.search(r"[\\{]\w*[a-z]{3,}\{|\\|\$", "\n".join(formulas(function))), function
