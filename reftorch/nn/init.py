r"""How the parameters of a layer get their first values: the functions of `torch.nn.init`.

Most of them choose the size of random weights so that signals neither grow nor shrink from layer to layer. A weight has a
**fan-in**, the number of inputs that one output sums, and a **fan-out**, the number of outputs that one input reaches. A sum of
$\text{fan\_in}$ independent terms has $\text{fan\_in}$ times their variance, so weights of standard deviation
$\text{gain} / \sqrt{\text{fan\_in}}$ keep the variance of the signal, and $\text{fan\_out}$ does the same for the gradients in
backward. The gain compensates for the effect of the activation function on the variance.

Each function changes its tensor in place, is not recorded on the tape, and returns the tensor. After the same `manual_seed` the
numbers are those of PyTorch; `reftorch.random` says how exactly.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from reftorch import random
from reftorch.autograd import no_grad

if TYPE_CHECKING:
    from reftorch.random import Generator
    from reftorch.tensor import Tensor

__all__ = ["calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_"]
__all__ += ["normal_", "ones_", "orthogonal_", "sparse_", "trunc_normal_", "uniform_"]
__all__ += ["xavier_normal_", "xavier_uniform_", "zeros_"]
__all__ += ["constant", "dirac", "eye", "kaiming_normal", "kaiming_uniform", "normal"]
__all__ += ["orthogonal", "sparse", "uniform", "xavier_normal", "xavier_uniform"]

_GAINS = {"linear": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
_GAINS |= {f"conv{kind}{d}d": 1 for kind in ("", "_transpose") for d in (1, 2, 3)}


# -------------------------------------------------------------------------------------------- gain and fan
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""The factor on the weights' standard deviation that suits an activation function.

    1 for "linear", "sigmoid" and "conv1d" to "conv_transpose3d"; 5/3 for "tanh"; $\sqrt 2$ for "relu"; 3/4 for "selu";
    $\sqrt{2 / (1 + \text{slope}^2)}$ for "leaky_relu", whose negative slope is `param` (0.01 if None).

    Raises:
        ValueError: an unknown name, or a slope that is not a number.
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ValueError(f"Unsupported nonlinearity {nonlinearity!r}: wanted one of {known}")
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ValueError(f"negative_slope {param!r} is not a valid number")
    return math.sqrt(2 / (1 + slope**2))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """(fan-in, fan-out) of a weight of shape (outputs, inputs, *kernel). Every position of the kernel is one more connection.

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions: got shape "
            f"{tuple(tensor.shape)}, wanted (outputs, inputs, ...). Is this a bias?"
        )
    outputs, inputs, *kernel = tensor.shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode!r} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


# ---------------------------------------------------------------------------------------- given distributions
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    r"""Fill with uniform numbers from $[a, b)$."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    r"""Fill with normal numbers of the given mean and standard deviation."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    r"""Fill with numbers of the normal distribution that is truncated to $[a, b]$.

    If more than 30% of the normal distribution lies there, numbers outside are drawn again until none is left. Otherwise this
    would take too long, and uniform numbers from $[a, b)$ are accepted with a probability proportional to the density.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            f"mean {mean} is more than 2 std from [{a}, {b}] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    inside = _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std)
    draw = _redraw_outside if inside > 0.3 else _accept_by_density
    shape, dtype = tuple(tensor.shape), tensor.dtype.numpy
    return _assign(tensor, draw(shape, dtype, mean, std, a, b, generator))


def _normal_cdf(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _redraw_outside(
    shape: tuple[int, ...],
    dtype: np.dtype,
    mean: float,
    std: float,
    a: float,
    b: float,
    generator: Generator | None,
) -> np.ndarray:
    x = random.normal(shape, mean, std, dtype, generator)
    while (outside := (x < dtype.type(a)) | (x > dtype.type(b))).any():
        x = np.where(outside, random.normal(shape, mean, std, dtype, generator), x)
    return x


def _accept_by_density(
    shape: tuple[int, ...],
    dtype: np.dtype,
    mean: float,
    std: float,
    a: float,
    b: float,
    generator: Generator | None,
) -> np.ndarray:
    def log_density(z: Any) -> Any:  # of the standard normal distribution, up to a constant
        return z * z * dtype.type(-0.5)

    most = log_density((max(a, min(mean, b)) - mean) / std)
    x, waiting = np.zeros(shape, dtype), np.ones(shape, bool)
    while waiting.any():
        candidate = random.uniform(shape, a, b, dtype, generator)
        x = np.where(waiting, candidate, x)
        log_ratio = log_density((candidate - dtype.type(mean)) / dtype.type(std)) - dtype.type(most)
        with np.errstate(divide="ignore"):  # log 0 is minus infinity: accepted
            chance = np.log(random.uniform(shape, dtype=dtype, generator=generator))
        waiting &= chance > log_ratio
    return x


# -------------------------------------------------------------------------------------------- given values
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    with no_grad():
        return tensor.zero_()


def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix the identity: a `Linear` layer with this weight copies input i to output i.

    Raises:
        ValueError: the tensor is not a matrix.
    """
    _want_dimensions(tensor, (2,))
    return _assign(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution's weight the identity: output channel d of a group equals input channel d of the group.

    The weight is (C_out, C_in / groups, *kernel) with one to three kernel dimensions; the single 1 of a channel is in the middle
    of its kernel. Output channels without an input channel of the same number are 0.

    Raises:
        ValueError: another number of dimensions, or C_out is not a multiple of `groups`.
    """
    _want_dimensions(tensor, (3, 4, 5))
    C_out, C_in, *kernel = tensor.shape
    if C_out % groups:
        raise ValueError(f"dim 0 must be divisible by groups: got {C_out} for groups={groups}")
    identity = np.zeros(tuple(tensor.shape))
    middle = tuple(extent // 2 for extent in kernel)
    for first in range(0, C_out, C_out // groups or 1):
        for d in range(min(C_out // groups, C_in)):
            identity[first + d, d][middle] = 1
    return _assign(tensor, identity)


# ----------------------------------------------------------------------- scales that keep the signal's variance
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    r"""Fill with uniform numbers from $[-a, a)$, $a = \text{gain} \sqrt{6 / (\text{fan\_in} + \text{fan\_out})}$.

    A compromise between forward and backward (Glorot and Bengio, 2010); $a$ is $\sqrt 3$ standard deviations.

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    bound = math.sqrt(3) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    r"""Fill with normal numbers of standard deviation $\text{gain} \sqrt{2 / (\text{fan\_in} + \text{fan\_out})}$.

    The source is that of `xavier_uniform_`.

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / sum(_calculate_fan_in_and_fan_out(tensor)))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    r"""Fill with uniform numbers from $[-b, b)$, $b = \text{gain} \sqrt{3 / \text{fan}}$ (He and others, 2015).

    `mode` says which fan: "fan_in" keeps the variance in forward, "fan_out" in backward. The gain is
    `calculate_gain(nonlinearity, a)`: `a` is the negative slope of "leaky_relu" and ignored for others.

    Raises:
        ValueError: fewer than two dimensions, an unknown mode or nonlinearity.
    """
    if _is_empty(tensor):
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    r"""Fill with normal numbers of standard deviation $\text{gain} / \sqrt{\text{fan}}$; all else as `kaiming_uniform_`.

    Raises:
        ValueError: fewer than two dimensions, an unknown mode or nonlinearity.
    """
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    r"""Fill with a matrix whose rows or columns, whichever are fewer, are orthogonal and of length `gain`.

    Dimensions after the first count as one. The matrix is the Q of the QR decomposition of a normal random matrix
    (Saxe and others, 2013), with the signs of its columns changed so that the diagonal of R is positive. Otherwise not every
    orthogonal matrix would be equally likely (Mezzadri, 2007).

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    if tensor.dim() < 2:
        shape = tuple(tensor.shape)
        raise ValueError(f"Only tensors with 2 or more dimensions are supported: got shape {shape}")
    if tensor.numel() == 0:
        return tensor
    shape = (tensor.shape[0], tensor.numel() // tensor.shape[0])
    flat = random.normal(shape, dtype=tensor.dtype.numpy, generator=generator)
    wide = shape[0] < shape[1]
    q, r = np.linalg.qr(flat.T if wide else flat)
    q = q * np.sign(np.diagonal(r))
    _assign(tensor, (q.T if wide else q).reshape(tensor.shape))
    with no_grad():
        return tensor.mul_(gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill a matrix with normal numbers, then set the share `sparsity` of each column, rounded up, to 0 (Martens, 2010).

    Raises:
        ValueError: the tensor is not a matrix.
    """
    _want_dimensions(tensor, (2,))
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0.0, std, generator)
    values = np.array(tensor.detach().cpu().numpy())
    for column in range(columns):
        # which rows: from the default generator in PyTorch too, whatever `generator` says
        values[random.randperm(rows)[:zeros], column] = 0
    return _assign(tensor, values)


# ------------------------------------------------------------------------------------------- small parts
def _want_dimensions(tensor: Tensor, wanted: tuple[int, ...]) -> None:
    if tensor.dim() not in wanted:
        numbers = "2" if wanted == (2,) else "3, 4, or 5"
        raise ValueError(f"Only tensors with {numbers} dimensions are supported: got shape {tuple(tensor.shape)}")


def _is_empty(tensor: Tensor) -> bool:
    if 0 not in tensor.shape:
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return True


def _assign(tensor: Tensor, values: np.ndarray) -> Tensor:
    """Copy an array's numbers into the tensor, in its dtype and on its device."""
    with no_grad():
        return tensor.copy_(tensor.new_tensor(np.ascontiguousarray(values)))


# ------------------------------------------------------------------ the names of PyTorch 0.3, without underscore
def _deprecated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    new = function.__name__
    old = new.removesuffix("_")

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Tensor:
        message = f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`."
        warnings.warn(message, FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    renamed.__name__ = renamed.__qualname__ = old
    renamed.__doc__ = f"The old name of `{new}`; warns."
    return renamed


constant = _deprecated(constant_)
dirac = _deprecated(dirac_)
eye = _deprecated(eye_)
kaiming_normal = _deprecated(kaiming_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
normal = _deprecated(normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
uniform = _deprecated(uniform_)
xavier_normal = _deprecated(xavier_normal_)
xavier_uniform = _deprecated(xavier_uniform_)
