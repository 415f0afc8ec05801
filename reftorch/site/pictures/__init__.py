"""A picture for each component, drawn when the page is made: from its worked example, or with its own kernels.

    svg          the shapes of the pictures
    curve        curves over axes
    activation   f and its derivative
    loss         a loss over its prediction
    window       the elements from which one element of the result is computed
    norm         which elements are normalized together
    bars         numbers before and after softmax
    cells        cells of recurrent networks, and networks unrolled in time
    attention    the matrix of weights, and the layers of a transformer
    optimizer    steps down a valley, and learning rates over time
    trellis      the paths through a text in CTC
    interpolation  the weight of an element over its distance
    stages       arrays before and after, for components without kernels of their own
    tape         the computation graph of a few lines
    timeline     when the buckets of a recorded training step are sent

`FAMILIES` says which picture a component has, by the path of its file. A new component needs no change, or one line there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ...step.components import PACKAGE, Component
from . import (
    activation,
    attention,
    bars,
    cells,
    interpolation,
    loss,
    norm,
    optimizer,
    stages,
    tape,
    timeline,
    trellis,
    window,
)

__all__ = ["FAMILIES", "family", "figure", "framed", "small", "tape", "timeline", "traits"]

Draw = Callable[..., str]
GATHERED = "The worked example: one element of the result, and the elements that the kernel reads for it."


def _transposed(component: Component) -> str:
    """Its kernel is the gradient of a convolution, whose arrays have other names."""
    return window.picture(component, {"grad_y": "x", "grad_x": "y"})


def _first(component: Component) -> str:
    """The first element of the result, which lies in the padding, if the padding is not constant."""
    return window.picture(component, place=0)


ALONG = "softmax|softmin|log_softmax|gumbel_softmax|adaptive_log_softmax_with_loss|glu"  # activations along a dimension
FAMILIES: list[tuple[str, Draw, str]] = [  # the path of the file, its picture, the caption
    *((path, stages.picture, says) for path, (_, says) in stages.STAGES.items()),
    (
        rf"nn/vision/({'|'.join(interpolation.MODES)})",
        interpolation.picture,
        "The weight of an input element over its distance from the position of the output, computed with the kernels of this page; "
        "and one element of the worked example.",
    ),
    (
        rf"nn/activation/(?!({ALONG})$)\w+",
        activation.picture,
        "The function, and its derivative (dashed), computed with the kernels of this page.",
    ),
    (
        rf"nn/loss/({'|'.join(loss.LOSSES)})",
        loss.picture,
        "The loss of one element, computed with the kernels of this page.",
    ),
    (
        r"nn/activation/(softmax|softmin|log_softmax)",
        bars.picture,
        "Four numbers before and after the function, computed with the kernels of this page.",
    ),
    (
        r"nn/loss/ctc_loss",
        trellis.picture,
        "The trellis of the worked example: each circle holds the probability of all paths to it.",
    ),
    (
        r"nn/recurrent/(rnn|lstm|gru)(_cell)?",
        cells.picture,
        "Boxes are gates and layers; circles multiply or add per element.",
    ),
    (
        r"nn/transformer/(attention|multihead_attention)",
        attention.picture,
        "The weights of the worked example, the values, and their weighted sums.",
    ),
    (
        rf"nn/transformer/({'|'.join(attention.STACKS)})",
        attention.layers,
        "Read from the bottom to the top. A line at the side is a residual connection: it skips a layer and is added to its output.",
    ),
    (
        rf"optim/({'|'.join(optimizer.RATES)})",
        optimizer.picture,
        "The first steps down a narrow valley; the loss is constant on each thin line.",
    ),
    (r"optim/lr_scheduler", optimizer.rates, "The learning rate, which begins at 1, over 40 steps."),
    (
        r"nn/normalization/(batch|layer|rms|instance|group)_norm\w*",
        norm.picture,
        "The elements that are normalized together.",
    ),
    (r"nn/convolution/conv_transpose\w+", _transposed, GATHERED),
    (r"nn/padding/\w+", _first, GATHERED),
    (r"nn/linear/(linear|bilinear)", window.picture, GATHERED),
    (r"nn/(convolution|pooling|vision|sparse|distance|dropout)/\w+", window.picture, GATHERED),
    (r"nn/(activation/(glu|gumbel_softmax)|loss/soft_cross_entropy)", window.picture, GATHERED),
    (r"nn/normalization/(local_response_norm|normalize)|transforms/normalize", window.picture, GATHERED),
    (r"nn/utils/(spectral_norm|weight_norm|rnn/pack_\w+|rnn/pad_packed_sequence)", window.picture, GATHERED),
]


def family(component: Component) -> tuple[Draw, str] | None:
    """The function that draws the component, and the caption; None if there is no picture."""
    path = component.file.relative_to(PACKAGE).as_posix().removesuffix(".py")
    return next(((draw, says) for pattern, draw, says in FAMILIES if re.fullmatch(pattern, path)), None)


def figure(component: Component) -> str:
    """The picture as HTML, in one line; "" if the component has none."""
    draw, says = family(component) or (None, "")
    drawn = draw(component) if draw else ""
    return framed(drawn, says) if drawn else ""


def framed(drawn: str, says: str) -> str:
    """A drawing with its caption, in one line."""
    return f'<figure class="rt-figure" data-search-exclude="">{drawn}<figcaption>{says}</figcaption></figure>'


def small(component: Component) -> str:
    """The picture for a gallery, where many stand side by side; "" if the component has none."""
    draw, _ = family(component) or (None, "")
    if draw in (activation.picture, loss.picture, norm.picture):
        return draw(component, small=True)
    return draw(component) if draw else ""


def traits(component: Component) -> str:
    """Properties in a few words, computed from the drawn values; "" if there are none."""
    draw, _ = family(component) or (None, "")
    if draw is activation.picture:
        return activation.traits(component)
    return norm.TOGETHER[norm.kind(component)][1] if draw is norm.picture else ""
