"""The shape calculator says what the layers do: stacks are run here, their parameters counted, their derivatives looked at."""

import re

import numpy as np
import pytest

STACKS = {  # what the link carries, and the same in Python; each fits into its input
    "1d,3x40;Conv:c=6,k=5,s=2,p=1,d=2,g=3;MaxPool:k=3,s=2,p=1,m=1": (
        "nn.Conv1d(3, 6, 5, 2, 1, 2, 3), nn.MaxPool1d(3, 2, 1, ceil_mode=True)"
    ),
    "1d,2x30;ConvTranspose:c=4,k=3,s=2,p=1,o=1,g=2;Conv:c=2,k=4,p=same,b=0": (
        "nn.ConvTranspose1d(2, 4, 3, 2, 1, 1, 2), nn.Conv1d(4, 2, 4, padding='same', bias=False)"
    ),
    "1d,1x33;Conv:c=1,k=3,s=3;ConvTranspose:c=1,k=2,s=3,d=2;AvgPool:k=4,s=2,p=1": (
        "nn.Conv1d(1, 1, 3, 3), nn.ConvTranspose1d(1, 1, 2, 3, dilation=2), nn.AvgPool1d(4, 2, 1)"
    ),
    "1d,1x14;AvgPool:k=5,s=4,p=2,m=1": "nn.AvgPool1d(5, 4, 2, ceil_mode=True)",
    "1d,1x31;MaxPool:k=3,s=1,d=3;Conv:c=1,k=3;MaxPool:k=2": (
        "nn.MaxPool1d(3, 1, dilation=3), nn.Conv1d(1, 1, 3), nn.MaxPool1d(2)"
    ),
    "2d,2x21x17;Conv:c=4,k=3x5,s=2x1,p=1x2;AvgPool:k=2x3,m=1;Conv:c=1,k=2": (
        "nn.Conv2d(2, 4, (3, 5), (2, 1), (1, 2)), nn.AvgPool2d((2, 3), ceil_mode=True), nn.Conv2d(4, 1, 2)"
    ),
    "2d,1x12x11;ConvTranspose:c=2,k=3,s=2x3,p=1,o=1;Conv:c=1,k=3": (
        "nn.ConvTranspose2d(1, 2, 3, (2, 3), 1, 1), nn.Conv2d(2, 1, 3)"
    ),
    "3d,1x9x8x7;Conv:c=2,k=3,p=1;MaxPool:k=2;ConvTranspose:c=1,k=2,s=2": (
        "nn.Conv3d(1, 2, 3, padding=1), nn.MaxPool3d(2), nn.ConvTranspose3d(2, 1, 2, 2)"
    ),
}


@pytest.fixture
def calculator(visit, address):
    page = visit(address + "/guide/shapes.html")

    def shown(text):
        """What stands below each layer: shape, parameters, multiply-adds, receptive field."""
        page.evaluate("text => { location.hash = 'stack=' + text; }", text)
        page.wait_for_function("text => document.getElementById('stack-link').hash === '#stack=' + text", arg=text)
        lines = page.locator(".rt-stack-result").all_text_contents()
        form = r"Output (.*); (.*) parameters; (.*) multiply-adds; receptive field (.*)"
        found = [re.fullmatch(form, line).groups() for line in lines if line]
        number = lambda part: [int(n.replace(",", "")) for n in part.split(" × ")]  # noqa: E731
        return [
            (number(shape), *number(parameters), *number(products), number(field))
            for shape, parameters, products, field in found
        ]

    shown.page = page
    return shown


def products_of(layer, x, y):
    """The multiply-adds of a layer, by a count of the weights that meet each element of an output or an input."""
    if not hasattr(layer, "weight"):
        return 0
    a_channel = (x if "Transpose" in type(layer).__name__ else y).shape[2:]
    return layer.weight.numel() * int(np.prod(a_channel))


def test_the_numbers_are_those_of_the_layers(calculator):
    """Shapes by running, parameters by counting."""
    import reftorch as torch
    from reftorch import nn

    for text, python in STACKS.items():
        layers, found = eval(f"[{python}]", {"nn": nn}), calculator(text)
        x = torch.zeros(1, *(int(n) for n in text.partition(";")[0].split(",")[1].split("x")))
        assert len(found) == len(layers)
        for layer, (shape, parameters, products, _) in zip(layers, found):
            y = layer(x)
            assert list(y.shape[1:]) == shape, text
            assert sum(p.numel() for p in layer.parameters()) == parameters, text
            assert products_of(layer, x, y) == products, text
            x = y


def extents(layers, size, channels):
    """In each dimension, how far the inputs are apart on which an output depends, at most over all outputs away from the border.

    Weights are ones, so that nothing cancels. An average instead of a maximum reads the same window, and has a derivative at all of it.
    """
    import reftorch as torch

    x = torch.ones(1, channels, *size, requires_grad=True)
    y = x
    for layer in layers:
        for p in layer.parameters():
            p.requires_grad_(False).fill_(1.0)
        y = layer(y)
    largest = [0] * len(size)
    for place in np.ndindex(*y.shape[2:]):
        (gradient,) = torch.autograd.grad(y[(0, 0, *place)], x, retain_graph=True)
        for i, indices in enumerate(np.nonzero(gradient.numpy()[0].sum(0))):
            largest[i] = max(largest[i], int(indices.max() - indices.min() + 1)) if indices.size else largest[i]
    return largest


@pytest.mark.parametrize(
    "text", [text for text in STACKS if "MaxPool" not in text and "2d" not in text or "2d,1x12" in text]
)
def test_the_receptive_field_is_where_the_derivative_is(calculator, text):
    from reftorch import nn

    channels, *size = (int(n) for n in text.partition(";")[0].split(",")[1].split("x"))
    assert calculator(text)[-1][3] == extents(eval(f"[{STACKS[text]}]", {"nn": nn}), size, channels)


def test_the_receptive_field_of_maxima(calculator):
    """An input of zeros with a single one: an output that depends on it is not zero."""
    import reftorch as torch
    from reftorch import nn

    text = "1d,1x31;MaxPool:k=3,s=1,d=3;Conv:c=1,k=3;MaxPool:k=2"
    layers = nn.Sequential(*eval(f"[{STACKS[text]}]", {"nn": nn}))
    layers[1].weight.requires_grad_(False).fill_(1.0)
    layers[1].bias.requires_grad_(False).zero_()
    reached = layers(torch.eye(31).reshape(31, 1, 31)).numpy()[:, 0]  # (input, output)
    assert calculator(text)[-1][3] == [max(int(np.ptp(np.nonzero(column)[0])) + 1 for column in reached.T)]


@pytest.mark.parametrize(
    "text, says",
    [
        (
            "2d,1x5x5;Conv:c=2,k=3;Conv:c=2,k=4",
            "The window is larger than the input: it spans 4 elements, and the input has 3.",
        ),
        ("1d,1x5;Conv:c=2,k=3,p=1,d=4", "it spans 9 elements, and the input has 5, with its padding 7."),
        ("1d,3x5;Conv:c=4,k=3,g=2", "groups should divide the 3 channels of the input; found 2."),
        ("1d,2x5;Conv:c=3,k=3,g=2", "groups should divide out_channels = 3; found 2."),
        ("1d,2x5;MaxPool:k=3,p=2,d=2", "padding should be at most half of kernel_size"),
        ("1d,2x5;ConvTranspose:c=3,k=3,s=2,o=2", "output_padding should be smaller than the stride or the dilation"),
        ("1d,2x1;ConvTranspose:c=3,k=1,p=1", "Nothing is left"),
        ("1d,2x5;Conv:c=3,k=0", 'kernel_size should be a whole number, at least 1; found "0".'),
        ("2d,2x5x5;Conv:c=3,k=3x3x3", "kernel_size should be one number, or 2 with commas between them; found 3."),
        ("1d,2x5;Conv:c=3,k=3,s=2,p=same", 'padding "same" needs a stride of 1'),
        ("3d,1x6x2x7;AvgPool:k=4,p=2", "padding does not count: the window has 4 elements, and the input has 2."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(calculator, text, says):
    """In words, beside the field; and the layers say so, too."""
    from reftorch import nn

    calculator(text)
    wrong = calculator.page.locator("[aria-invalid]")
    assert wrong.count() == 1
    beside = calculator.page.locator("#" + wrong.get_attribute("aria-describedby")).text_content()
    assert says in beside and calculator.page.get_by_role("status").text_content() == beside
    code = calculator.page.locator("#stack-code").text_content()
    channels, *size = (int(n) for n in text.partition(";")[0].split(",")[1].split("x"))
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        import reftorch as torch

        eval(code, {"nn": nn})(torch.zeros(1, channels, *size))


def test_the_code_is_the_stack(calculator):
    from reftorch import nn

    for text, python in STACKS.items():
        calculator(text)
        made = eval(calculator.page.locator("#stack-code").text_content(), {"nn": nn})
        assert repr(made) == repr(nn.Sequential(*eval(f"[{python}]", {"nn": nn}))), text


def test_by_keyboard(calculator):
    """A layer comes, is changed, moves and goes; the focus stays where the reader works."""
    page = calculator.page
    calculator("1d,1x9;Conv:c=2,k=3")
    page.locator("#stack-add").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "layer-1-kind"
    page.locator("#layer-1-kind").select_option("MaxPool")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "layer-1-kernel_size"
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    assert "Output 2 × 2;" in page.locator(".rt-stack-result").nth(1).text_content()
    page.get_by_role("button", name="Layer 2: up").press("Enter")
    assert page.locator("#stack-link").get_attribute("href") == "#stack=1d,1x9;MaxPool:k=3;Conv:c=2,k=3"
    assert page.get_by_role("status").text_content().startswith("The whole stack: output 2 × 1, 8 parameters")
    page.get_by_role("button", name="Layer 1: remove").press("Enter")
    assert page.locator(".rt-stack-result").count() == 1
    page.locator("#stack-dims").select_option("2d")
    assert page.get_by_role("status").text_content().startswith("The whole stack: output 2 × 7 × 7")


def test_it_stands_below_its_title(calculator):
    """In a box of its own, in the size of text, and with the names of the fields as PyTorch has them."""
    page = calculator.page
    calculator("1d,1x9;Conv:c=2,k=3")
    assert page.locator("h1").text_content().startswith("Shape calculator")
    box, title = (page.locator(name).bounding_box() for name in ("#rt-stack", "h1"))
    assert title["y"] + title["height"] <= box["y"]
    labels = [text.strip() for text in page.locator("#rt-stack label").all_text_contents()]
    assert labels[:1] + [text for text in labels if "channels" in text] == [labels[0], "channels", "out_channels"]
    size = page.locator(".rt-stack-result").first.evaluate("line => parseFloat(getComputedStyle(line).fontSize)")
    assert size <= page.locator("article p").first.evaluate("line => parseFloat(getComputedStyle(line).fontSize)")
