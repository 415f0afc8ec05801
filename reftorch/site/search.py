"""The search index: the parts of the pages that are in it, and the names and topics by which a page is found.

MkDocs puts all text of all pages into its index. `lighten` removes text that nobody searches for, mainly source code, and adds keywords
to each page: the names of its classes and functions as programs spell them, the words in these names, and topics.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .. import nn
from ..step.components import components
from . import document, names, sections
from .segment import segment

# Parts of a page that repeat other parts, or that nobody searches for
LEFT_OUT = (
    "Source",
    "Step by step",
    "Agreement with PyTorch",
    "Speed",
    "Neighbours",
    "What is common",
    "What varies",
    "Choosing",
)
LISTS = ("coverage.html", "functions.html", "benchmarks.html")  # these name everything, so every search would find them
WORDS = {"Norm": "normalization", "Pool": "pooling", "Pad": "padding", "Conv": "convolution", "Transpose": "transposed"}
HEAD = 8  # the weight of a page with a name with which other pages' names begin
GUIDE = 32  # the weight of a page of the guide, which has few keywords
IDEAS = {  # by the page's path: words by which readers search who do not know its name
    "guide/kernels": "how to read a kernel reading kernels loops prange njit",
    "guide/stepping": "debugger breakpoint",
    "guide/tape": "autograd backward computation graph differentiation",
    "guide/gpu": "CUDA GPU threads",
    "nn/activation/elu": "exponential linear unit",
    "nn/activation/gelu": "gaussian error linear unit",
    "nn/activation/glu": "gated linear unit gate",
    "nn/activation/relu": "rectified linear unit rectifier",
    "nn/activation/sigmoid": "logistic function",
    "nn/activation/silu": "swish sigmoid linear unit",
    "nn/activation/softmax": "softmax probabilities temperature gradient",
    "nn/activation/tanh": "hyperbolic tangent",
    "nn/convolution/conv2d": "convolution filter kernel stride padding dilation groups depthwise cross-correlation",
    "nn/convolution/conv_transpose1d": "deconvolution",
    "nn/convolution/conv_transpose2d": "deconvolution fractionally strided convolution upsampling",
    "nn/convolution/conv_transpose3d": "deconvolution",
    "nn/convolution/fold": "col2im overlap add",
    "nn/convolution/unfold": "im2col patches sliding window",
    "nn/distance/cosine_similarity": "angle",
    "nn/distance/pairwise_distance": "euclidean distance",
    "nn/dropout/dropout": "regularization random zeros",
    "nn/linear/linear": "fully connected dense layer matrix product affine",
    "nn/loss/bce_loss": "binary cross entropy",
    "nn/loss/bce_with_logits_loss": "binary cross entropy logits",
    "nn/loss/cross_entropy_loss": "classification loss label smoothing logits",
    "nn/loss/ctc_loss": "connectionist temporal classification speech alignment trellis",
    "nn/loss/huber_loss": "robust regression",
    "nn/loss/kl_div_loss": "kullback leibler divergence",
    "nn/loss/l1_loss": "mean absolute error mae",
    "nn/loss/mse_loss": "mean squared error l2 regression",
    "nn/loss/nll_loss": "negative log likelihood",
    "nn/loss/triplet_margin_loss": "metric learning anchor",
    "nn/normalization/batch_norm2d": "batch normalization running mean running variance momentum statistics",
    "nn/normalization/rms_norm": "root mean square",
    "nn/padding/pad": "constant reflect replicate circular",
    "nn/recurrent/gru": "gated recurrent unit",
    "nn/recurrent/lstm": "long short term memory forget gate",
    "nn/recurrent/rnn": "recurrent network elman",
    "nn/sparse/embedding": "word vectors lookup table tokens",
    "nn/transformer/attention": "scaled dot product attention query key value flash",
    "nn/transformer/multihead_attention": "self attention heads query key value",
    "nn/transformer/transformer": "encoder decoder",
    "nn/utils/clip_grad": "gradient clipping exploding gradients",
    "nn/utils/weight_norm": "reparametrization",
    "nn/vision/affine_grid": "spatial transformer",
    "nn/vision/grid_sample": "spatial transformer warp",
    "nn/vision/interpolate": "resize upsampling upsample bilinear interpolation",
    "nn/vision/pixel_shuffle": "sub-pixel convolution super resolution",
    "nn/vision/upsample_bilinear2d": "bilinear interpolation resize",
    "nn/vision/upsample_bicubic2d": "bicubic interpolation resize cubic",
    "optim/adam": "adaptive moments optimizer",
    "optim/adamw": "decoupled weight decay optimizer",
    "optim/lr_scheduler": "learning rate schedule scheduler warmup cosine annealing step decay",
    "optim/sgd": "stochastic gradient descent momentum nesterov optimizer",
}


def lighten(index: dict[str, Any]) -> dict[str, Any]:
    """The index that the browser loads: without the removed parts, with the keywords of the pages."""
    keywords = _keywords()
    heads = _heads({page: words for page, words in keywords.items() if page != "notation"})
    docs = []
    for doc in index["docs"]:
        page = doc["location"].removesuffix(".html")
        if doc["title"] in LEFT_OUT or doc["location"].partition("#")[0] in LISTS:
            continue
        kept = {**doc, "text": re.sub(r"\s+", " ", re.sub(r"</?(?:ul|ol|li|p|pre)>", " ", doc["text"])).strip()}
        if page in keywords:
            kept["tags"] = keywords[page]
        if page in heads or page.startswith("guide/"):
            kept["boost"] = HEAD if page in heads else GUIDE
        docs.append(kept)
    return {**index, "docs": docs}


def _keywords() -> dict[str, list[str]]:
    """By page: its names, the words in these names, and its topics."""
    found = {}
    for component in components().values():
        page = sections.address(component).removesuffix(".md")
        known = list(names.public(component))
        title = sections.title(component)
        found[page] = [*_spelled(known), *_words([title]), IDEAS.get(page, "")]
    for page, name in _others().items():
        found[page] = [*_spelled([name]), *_words([name.rpartition(".")[2]])]
    found |= {page: [said] for page, said in IDEAS.items() if page not in found}
    variables = {s.variable for component in components().values() for s in document.symbols(segment(component.file))}
    found["notation"] = sorted(name for name in variables if re.fullmatch(r"[a-z]\w?|[a-z]_[a-z]+", name))
    return {page: [word for word in words if word] for page, words in found.items()}


def _others() -> dict[str, str]:
    """Pages of classes that are not components: containers, and the base classes of all layers."""
    from .build import CONTAINERS  # build asks for the index, too

    return {path.removesuffix(".py"): f"torch.nn.{name}" for path, name in CONTAINERS.items() if hasattr(nn, name)}


def _spelled(known: Iterable[str]) -> list[str]:
    """Each name in the ways in which programs write it: torch.nn.functional.pad, F.pad, pad; torch.nn.ReLU, nn.ReLU, ReLU."""
    found: dict[str, None] = {}
    for name in known:
        for way in (
            name,
            name.replace("torch.nn.functional.", "F."),
            name.removeprefix("torch."),
            name.rpartition(".")[2],
        ):
            found[way] = None
    return list(found)


def _words(titles: Iterable[str]) -> list[str]:
    """The words of a name: "Cross Entropy Loss", and the full forms of abbreviations."""
    words = [word for title in titles for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d\w?", title)]
    return [" ".join([*words, *(WORDS[word] for word in words if word in WORDS)])]


def _heads(keywords: dict[str, list[str]]) -> set[str]:
    """Pages with a name with which other names begin, such as ReLU and ReLU6. A search for "ReLU" should find ReLU first."""
    called = {page: {word.lower() for word in words if re.fullmatch(r"\w+", word)} for page, words in keywords.items()}
    return {
        page
        for page, own in called.items()
        for other, theirs in called.items()
        if other != page and any(name.startswith(mine) and name != mine for mine in own for name in theirs)
    }
