"""Pictures: numbers that are those of the components, text for who cannot see them, and colours that the style sheet knows."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch as oracle

from reftorch.site import pictures
from reftorch.site.pictures import activation, interpolation, loss, optimizer, stages, tape, timeline
from reftorch.step.components import components

DRAWN = list(components().values())  # each component has a picture
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


@pytest.mark.parametrize(
    "name, said",
    [
        ("lp_pool1d", "y, 1 by 2: the element that is written: 10 in row 0, column 1. x, 1 by 4: the elements that are read: 6 in row 0, "
         "column 2; 8 in row 0, column 3. total, 1 by 2: computed before the result: 100 in row 0, column 1."),
        ("normalization/normalize", "y[0], 1 by 2: the element that is written: 0.6 in row 0, column 0."),
        ("weight_norm", "w, 2 by 2: the element that is written: 5 in row 1, column 0. v, 2 by 2: the elements that are read: 5 in row 1, "
         "column 0; 12 in row 1, column 1."),
        ("local_response_norm", "y, 1 by 4: the element that is written: 0.19 in row 0, column 3."),
    ],
)  # fmt: skip
def test_the_result_is_the_output_and_not_what_is_kept_on_the_way(name, said):
    assert f"<desc>{said}" in pictures.figure(components()[name])


@pytest.mark.parametrize("mode", ["nearest", "linear", "bilinear", "bicubic", "trilinear"])
def test_weights_of_an_interpolation_are_torch_s(mode):
    before, after = extents = interpolation.LONGER
    at, weight = interpolation.weights(mode, extents)
    ones = oracle.zeros(1, 1, *[1] * (interpolation.DIMENSIONS[mode] - 1), before, dtype=oracle.float64)
    ones[..., before // 2] = 1
    options = {} if mode == "nearest" else {"align_corners": False}
    size = (*ones.shape[2:-1], after)
    wanted = oracle.nn.functional.interpolate(ones, size=size, mode=mode, **options).flatten().numpy()[::-1]
    np.testing.assert_allclose(weight, wanted, atol=1e-12)
    assert (np.diff(at) > 0).all() and abs(at[weight.argmax()]) < 0.5


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_weights_of_a_shrinking_interpolation_are_torch_s(mode):
    before, after = extents = interpolation.SHORTER
    at, weight = interpolation.weights(mode, extents)
    ones = oracle.eye(before, dtype=oracle.float64).reshape(before, 1, 1, before)
    wanted = oracle.nn.functional.interpolate(ones, size=(1, after), mode=mode, antialias=True)[:, 0, 0].numpy()
    distances = np.arange(before)[:, None] + 0.5 - (np.arange(after) + 0.5) * before / after
    for x, w in zip(at[::7], weight[::7]):
        assert np.isclose(wanted[np.isclose(distances, x, atol=1e-9)], w, atol=1e-9).any()


@pytest.mark.parametrize(
    "name, said",
    [
        ("flatten", "Then y: 0, 1, 2, 3, 4, 5 / 6, 7, 8, 9, 10, 11."),
        ("adaptive_log_softmax_with_loss", "Then probabilities: 0.25, 0.25, 0.125, 0.125, 0.125, 0.125."),
        ("data_parallel", "Then f(part 0): 2 / 4; f(part 1): 8. Then y: 2 / 4 / 8."),
        ("distributed_data_parallel", "Then bucket of rank 0: 0.5; bucket of rank 1: 1.5. Then sum, on both: 2."),
        ("clip_grad", "Then a.grad: 1.5, -2; b.grad: 6. Then a.grad: 1.5, -1.75; b.grad: 1.75."),
        ("packed_sequence", "Then data: 1, 4, 6, 2, 5, 3; batch_sizes: 3, 2, 1."),
        ("sparse_adam", "Then param, after: 9.5 / 20 / 29.5."),
    ],
)
def test_stages_are_those_of_the_worked_example(name, said):
    (told,) = re.findall("<desc>(.*?)</desc>", pictures.figure(components()[name]))
    assert told.endswith(said)


def test_marked_elements_have_the_values_of_those_that_they_come_from():
    for name in ("flatten", "unflatten", "identity", "convert_parameters", "pad_sequence"):
        path = next(path for path in stages.STAGES if path.endswith(name))
        before, after = (
            [rows.flat[place] for _, rows, marked in stage for place in marked] for stage in stages.STAGES[path][0]()
        )
        assert before == after and len(before) == 1


@pytest.mark.parametrize("name", tape.GRAPHS)
def test_a_graph_of_the_tape(name):
    drawn = tape.picture(name)
    svg = ElementTree.fromstring(drawn)
    assert svg.get("role") == "img" and not re.search(r'\b(style|fill|stroke)="', drawn)
    said = svg.find("desc").text
    assert (
        "MulBackward0 leads to product (2,)" in said if name == "twice" else "AddmmBackward0 leads to y (1, 1)" in said
    )
    assert len(svg.findall("path")) == said.count("leads to") == {"twice": 7, "layers": 5}[name]


def test_the_trellis_adds_up():
    (said,) = re.findall(r"<desc>(.*?)</desc>", pictures.figure(components()["ctc_loss"]))
    assert said.endswith("The sum of the last two is 0.34.")  # 11/32, as the worked example says
    assert "time 0, position 1 (a): 0.5" in said and "position 4 (-): 0.06" in said


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


def test_the_timeline_is_that_of_the_record(tmp_path, monkeypatch):
    """One bar for each bucket of each rank, as long as it travelled; without a record there is no picture."""
    step = {
        **{"network": "layers 2-2", "date": "2026-01-02T03", "machine": {"processor": "abacus"}},
        "ranks": [{"forward": 0.0, "backward": 0.01, "end": 0.04, "buckets": [[0.02, 0.03], [0.032, 0.04]]}] * 2,
    }
    drawn = ElementTree.fromstring(timeline.drawn(step))
    bars = [bar for bar in drawn.iter("rect") if "rt-is-read" in bar.get("class")]
    assert [float(bar.get("width")) for bar in bars] == [timeline.WIDTH / 4, timeline.WIDTH / 5] * 2
    assert "1 of its 2 buckets have arrived" in drawn[1].text
    assert "layers 2-2; 2026-01-02, abacus" in "".join(drawn.itertext())
    monkeypatch.setattr(timeline, "DOCS", tmp_path)
    assert timeline.picture() == ""
