"""Functions of `torch` itself whose arguments have another order than those of `nn.functional`, or that `nn.functional` does not have.

In PyTorch `nn.functional` calls them, and so do some scripts. Here they call `nn.functional`.

    >>> import reftorch as torch
    >>> torch.embedding(torch.tensor([[1.], [2.]]), torch.tensor([1, 0]))
    tensor([[2.],
            [1.]])

A reduction is a number: 0 for none, 1 for the mean, 2 for the sum. As in PyTorch it is 0 if it is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reftorch.nn import functional as F
from reftorch.nn.dropout.channel_dropout import _of_channels
from reftorch.nn.dropout.dropout_nd import check_dropout
from reftorch.nn.module import Module
from reftorch.nn.recurrent.gru import GRU
from reftorch.nn.recurrent.lstm import LSTM
from reftorch.nn.recurrent.recurrent_nd import RNNBase
from reftorch.nn.recurrent.rnn import RNN
from reftorch.nn.sparse.table import limit_norm_, on_device, row_numbers
from reftorch.nn.utils.rnn.packed_sequence import PackedSequence
from reftorch.tensor import Tensor

REDUCTIONS = ("none", "mean", "sum")
MODES = ("sum", "mean", "max")


def _named(kind: str, names: tuple, number: Any) -> str:
    """The name for a number."""
    if not 0 <= number < len(names):
        meant = ", ".join(f"{i} for {name}" for i, name in enumerate(names))
        raise ValueError(f"{number} is not a valid value for {kind}: it is {meant}")
    return names[number]


# ------------------------------------------------------------------------------------------------ recurrent layers
_PADDED = "input hx params has_biases num_layers dropout train bidirectional batch_first".split()
_PACKED = "data batch_sizes hx params has_biases num_layers dropout train bidirectional".split()


def _arguments(function: str, args: tuple, named: dict[str, Any]) -> dict[str, Any]:
    """All arguments by name: those for a padded batch, or for a packed one, whose second are the batch sizes.

    Raises:
        TypeError: an argument is missing, unknown or given twice.
    """
    weights = 2 if function != "lstm" else 1  # where a packed call has a tensor and a padded one a list
    packed = "data" in named or "batch_sizes" in named or (len(args) > weights and isinstance(args[weights], Tensor))
    names = _PACKED if packed else _PADDED
    given = dict(zip(names, args)) | named
    if len(args) > len(names) or set(given) != set(names) or len(given) != len(args) + len(named):
        raise TypeError(
            f"{function}() received an invalid combination of arguments: wanted ({', '.join(_PADDED)}) or "
            f"({', '.join(_PACKED)}), found {len(args)} and {sorted(named)}"
        )
    return given


def _layer(kind: type[RNNBase], mode: str, given: dict[str, Any], states: list) -> RNNBase:
    """A layer over the weights that are given, which are not its parameters."""
    layer = object.__new__(kind)
    Module.__init__(layer)
    sizes = [state.shape[2] for state in states]
    names = ["weight_ih", "weight_hh"] + ["bias_ih", "bias_hh"] * bool(given["has_biases"])
    names += ["weight_hr"] * (len(set(sizes)) > 1)
    params, directions = given["params"], 2 if given["bidirectional"] else 1
    number = given["num_layers"] * directions
    if len(params) != number * len(names):
        raise RuntimeError(
            f"expected {number * len(names)} params, {', '.join(names)} for each of {number} directions and layers, but got "
            f"{len(params)}"
        )
    layer.mode, layer.input_size, layer.hidden_size = mode, params[0].shape[1], sizes[-1]
    layer.proj_size = sizes[0] if len(set(sizes)) > 1 else 0
    layer.num_layers, layer.bias, layer.bidirectional = given["num_layers"], given["has_biases"], directions == 2
    layer.dropout, layer.training, layer.batch_first = given["dropout"], given["train"], given.get("batch_first", False)
    layer.nonlinearity = mode.removeprefix("RNN_").lower()
    layer._all_weights = [[f"{name}_{place}" for name in names] for place in range(number)]
    for name, weight in zip(layer._flat_weights_names, params):
        layer.__dict__[name] = weight
    return layer


def _recurrent(kind: type[RNNBase], mode: str, function: str, args: tuple, named: dict[str, Any]) -> tuple:
    given = _arguments(function, args, named)
    states = list(given["hx"]) if function == "lstm" else [given["hx"]]
    layer = _layer(kind, mode, given, states)
    if "data" in given:
        packed, last = layer._run(PackedSequence(given["data"], given["batch_sizes"].cpu()), states)
        return packed.data, *last
    y, last = layer._run(given["input"], states)
    return y, *last


def lstm(*args: Any, **named: Any) -> tuple:
    """(input, (h, c), params, has_biases, num_layers, dropout, train, bidirectional, batch_first) -> output, h_n, c_n.

    The weights `params` are in the order of `LSTM.all_weights`. For a packed batch (data, batch_sizes, (h, c), params, has_biases,
    num_layers, dropout, train, bidirectional).
    """
    return _recurrent(LSTM, "LSTM", "lstm", args, named)


def gru(*args: Any, **named: Any) -> tuple:
    """(input, h, params, has_biases, num_layers, dropout, train, bidirectional, batch_first) -> output, h_n; packed as `lstm`."""
    return _recurrent(GRU, "GRU", "gru", args, named)


def rnn_tanh(*args: Any, **named: Any) -> tuple:
    """As `gru`, of an RNN with tanh."""
    return _recurrent(RNN, "RNN_TANH", "rnn_tanh", args, named)


def rnn_relu(*args: Any, **named: Any) -> tuple:
    """As `gru`, of an RNN with ReLU."""
    return _recurrent(RNN, "RNN_RELU", "rnn_relu", args, named)


# ------------------------------------------------------------------------------------------------ tables
def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    """`F.embedding`; a `padding_idx` that is not a row of the table means that there is no padding."""
    padding = padding_idx if 0 <= padding_idx < len(weight) else None
    return F.embedding(indices, weight, padding, None, 2.0, scale_grad_by_freq, sparse)


def embedding_renorm_(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Shorten the rows that are looked up to a norm of at most `max_norm`, in place."""
    limit_norm_(weight, row_numbers(indices), max_norm, norm_type)
    return weight


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`F.embedding_bag`, the bag of each id, the number of ids in each bag without the padding, and these numbers again.

    `mode` is 0 for the sum, 1 for the mean, 2 for the maximum. PyTorch leaves the last three empty or zero where it does not need
    them; for the maximum, the last one holds the rows that have the maximum.
    """
    y = F.embedding_bag(
        *(indices, weight, offsets, None, 2.0, scale_grad_by_freq, _named("mode", MODES, mode), sparse),
        *(per_sample_weights, include_last_offset, padding_idx),
    )
    first = row_numbers(offsets)
    ends = first if include_last_offset else np.append(first, indices.numel())
    bag = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    counts = (
        np.ones(len(bag), bool)
        if padding_idx is None
        else row_numbers(indices)[: len(bag)] != padding_idx % len(weight)
    )
    size = on_device(np.bincount(bag[counts], minlength=len(ends) - 1), weight.device).to(offsets.dtype)
    return y, on_device(bag, weight.device).to(offsets.dtype), size, size.clone()


# ------------------------------------------------------------------------------------------------ normalization
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """`F.batch_norm`."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """`F.instance_norm`."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


# ------------------------------------------------------------------------------------------------ dropout
def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`F.dropout` in place."""
    return F.dropout(input, p, train, True)


def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`F.alpha_dropout` in place."""
    return F.alpha_dropout(input, p, train, True)


def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`F.feature_alpha_dropout` in place."""
    return F.feature_alpha_dropout(input, p, train, True)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout of channels: each slice [n, c] is kept or zero as a whole; what `F.dropout1d`, `2d` and `3d` do."""
    check_dropout("feature_dropout", input, p, train)
    return _of_channels("feature_dropout", input, p, train, False)


def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_dropout` in place."""
    check_dropout("feature_dropout", input, p, train)
    return _of_channels("feature_dropout", input, p, train, True)


# ------------------------------------------------------------------------------------------------ losses
def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    """`F.kl_div`."""
    return F.kl_div(input, target, reduction=_named("reduction", REDUCTIONS, reduction), log_target=log_target)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """`F.ctc_loss`."""
    how = _named("reduction", REDUCTIONS, reduction)
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, how, zero_infinity)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: int = 0
) -> Tensor:
    """`F.binary_cross_entropy_with_logits`."""
    how = _named("reduction", REDUCTIONS, reduction)
    return F.binary_cross_entropy_with_logits(input, target, weight, reduction=how, pos_weight=pos_weight)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """`F.cosine_embedding_loss`."""
    how = _named("reduction", REDUCTIONS, reduction)
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=how)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    """`F.hinge_embedding_loss`."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_named("reduction", REDUCTIONS, reduction))


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """`F.margin_ranking_loss`."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_named("reduction", REDUCTIONS, reduction))


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """`F.triplet_margin_loss`."""
    how = _named("reduction", REDUCTIONS, reduction)
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=how)


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    """`F.poisson_nll_loss`."""
    how = _named("reduction", REDUCTIONS, reduction)
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=how)


# ------------------------------------------------------------------------------------------------ pooling, grids
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """`F.adaptive_max_pool1d` with the positions."""
    return F.adaptive_max_pool1d(input, output_size, True)


def max_pool1d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Tensor, Tensor]:
    """`F.max_pool1d` with the positions."""
    return F.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """`F.max_pool1d`."""
    return F.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """`F.max_pool3d`."""
    return F.max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode)


def affine_grid_generator(theta: Tensor, size: Any, align_corners: bool) -> Tensor:
    """`F.affine_grid`."""
    return F.affine_grid(theta, size, align_corners)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """`F.grid_sample`, whose modes are numbers here: 0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border, 2 reflection."""
    mode = _named("interpolation_mode", ("bilinear", "nearest", "bicubic"), interpolation_mode)
    return F.grid_sample(
        input, grid, mode, _named("padding_mode", ("zeros", "border", "reflection"), padding_mode), align_corners
    )


def constant_pad_nd(input: Tensor, pad: Any, value: float = 0) -> Tensor:
    """`F.pad` with a constant."""
    return F.pad(input, pad, "constant", value)
