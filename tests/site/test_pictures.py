"""Pictures: numbers that are those of the components, text for who cannot see them, and colours that the style sheet knows."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch as oracle

from reftorch.site import pictures
from reftorch.site.pictures import activation, loss
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
