"""Pictures: numbers that are those of the components, text for who cannot see them, and colours that the style sheet knows."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch as oracle

from reftorch.site import pictures
from reftorch.site.pictures import activation, loss, optimizer
from reftorch.step.components import components

DRAWN = [component for component in components().values() if pictures.family(component)]
STYLE = (Path(__file__).parents[2] / "docs/assets/page.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("component", DRAWN, ids=lambda component: component.name)
def test_each_picture_is_svg_that_says_what_it_shows(component):
    figure = ElementTree.fromstring(pictures.figure(component))
    drawings = list(figure.iter("svg"))
    assert drawings and "\n" not in pictures.figure(component)
    for drawing in drawings:
        assert drawing.get("role") == "img" and [child.tag for child in drawing[:2]] == ["title", "desc"]
        assert len(drawing[0].text) > 8 and len(drawing[1].text) > 40
    assert figure.find("figcaption").text.endswith(".")


@pytest.mark.parametrize("component", DRAWN, ids=lambda component: component.name)
def test_colours_are_those_of_the_style_sheet(component):
    """So that a picture is right in the dark and on paper; none brings colours of its own."""
    drawn = pictures.figure(component)
    assert not re.search(r'\b(style|fill|stroke)="', drawn)
    used = {name for classes in re.findall(r'class="([^"]*)"', drawn) for name in classes.split()}
    known = {name for name in used if f".{name}" in STYLE}
    assert used - known <= {"rt-curve-1"}


@pytest.mark.parametrize("component", DRAWN, ids=lambda component: component.name)
def test_numbers_stay_inside(component):
    """Nothing is drawn left of the picture or above it, and no number is missing."""
    for drawn in re.findall(r"<svg.*?</svg>", pictures.figure(component)):
        _, _, width, height = map(float, re.search(r'viewBox="([^"]*)"', drawn)[1].split())
        for x in re.findall(r' (?:x|x1|x2)="([^"]*)"', drawn):
            assert -1 <= float(x) <= width + 1
        for y in re.findall(r' (?:y|y1|y2)="([^"]*)"', drawn):
            assert -1 <= float(y) <= height + 1
        assert "nan" not in " ".join(re.findall(r' d="([^"]*)"', drawn))


@pytest.mark.parametrize("name", ["relu", "gelu", "hardswish", "softplus", "celu", "threshold"])
def test_an_activation_and_its_derivative_are_torch_s(name):
    x, y, slope = activation.values(components()[name])
    wanted = oracle.tensor(x, requires_grad=True)
    options = activation.OPTIONS.get(name, {})
    result = getattr(oracle.nn.functional, name)(wanted, **options)
    result.sum().backward()
    np.testing.assert_allclose(y, result.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(slope, wanted.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_a_loss_is_torch_s():
    (_, x, y), (name, _, slope) = loss.values(components()["huber_loss"])
    at = oracle.tensor(x, dtype=oracle.float64, requires_grad=True)
    wanted = oracle.nn.functional.huber_loss(at, oracle.zeros_like(at), reduction="none")
    wanted.sum().backward()
    np.testing.assert_allclose(y, wanted.detach().numpy())
    np.testing.assert_allclose(slope, at.grad.numpy())
    assert name == "derivative"


def test_a_jump_is_not_drawn_as_a_slope():
    drawn = pictures.figure(components()["relu"])
    function, derivative = re.findall(r'<path d="([^"]*)"', drawn)
    assert function.count("M") == 1 and derivative.count("M") == 2


@pytest.mark.parametrize("name, kind", [("sgd", "SGD"), ("adam", "Adam"), ("rmsprop", "RMSprop")])
def test_an_optimizer_walks_as_torch_s_does(name, kind):
    at = oracle.tensor(optimizer.START, dtype=oracle.float64, requires_grad=True)
    other = getattr(oracle.optim, kind)([at], **optimizer.RATES[name])
    wanted = [at.tolist()]
    for _ in range(optimizer.STEPS):
        at.grad = at.detach() * oracle.tensor([1, optimizer.STEEP])
        other.step()
        wanted.append(at.tolist())
    np.testing.assert_allclose(optimizer.walked(components()[name]), wanted, rtol=1e-9, atol=1e-12)


def test_a_window_is_what_the_kernel_reads():
    """Of the convolution's worked example: 4, 5, 7, 8 of the image, all weights and the bias make a 6."""
    (said,) = re.findall(r"<desc>(.*?)</desc>", pictures.figure(components()["conv2d"]))
    assert "y, 2 by 2: the element that is written: 6 in row 1, column 0." in said
    assert "x, 3 by 3: the elements that are read: 4 in row 1, column 0; 5 in row 1, column 1; 7 in row 2" in said
    assert said.count("bias") == 1 and "10 in row 0" in said


def test_the_trellis_adds_up():
    (said,) = re.findall(r"<desc>(.*?)</desc>", pictures.figure(components()["ctc_loss"]))
    assert said.endswith("The last two add up to 0.34.")  # 11/32, as the worked example says
    assert "time 0, place 1 (a): 0.5" in said and "place 4 (-): 0.06" in said


def test_weights_of_attention():
    (said,) = re.findall(r"<desc>(.*?)</desc>", pictures.figure(components()["attention"]))
    assert "query 0: 0.25, 0.5, 0.25; query 1: 0.17, 0.67, 0.17" in said
    (heads,) = re.findall(r"<desc>(.*?)</desc>", pictures.figure(components()["multihead_attention"]))
    assert "head 0, query 0: 0.5, 0.5; head 1, query 0: 0, 1" in heads


def test_what_is_normalized_together():
    """Of 3 samples, 4 channels and 5 elements; only squares are counted, not the sides of the block."""
    marked = {}
    for name in ("batch_norm2d", "layer_norm", "instance_norm2d", "group_norm"):
        drawn = pictures.figure(components()[name])
        marked[name] = len(re.findall(r'<rect [^>]*class="rt-cell rt-is-read"', drawn))
    assert marked == {"batch_norm2d": 15, "layer_norm": 20, "instance_norm2d": 5, "group_norm": 10}
