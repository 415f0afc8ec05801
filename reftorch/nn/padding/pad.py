r"""A border around the last dimensions of a tensor: of a constant, or of the tensor's own elements.

Every element of the result shows one element of the input, or the constant. The four modes differ in which one it is. Each
mode has its own page, with its loop.

Use it when an operation needs elements beyond the edge: before an operation without a `padding` argument, to keep a size, or to
bring tensors to one size. Negative widths cut elements off.

## Forward

Along one dimension of $L$ elements, with $p$ elements before it, the result shows

$$y[l] = x[s(l - p)]$$

and $s$ says which element stands for a position $j = l - p$ outside the input:

| mode | $s(j)$ | a b c d with a border of 2 | page |
|---|---|---|---|
| constant | none: the value is shown | 0 0 \| a b c d \| 0 0 | `ConstantPad1d` |
| reflect | $(L - 1) - \lvert (L - 1) - \lvert j \rvert \rvert$ | c b \| a b c d \| c b | `ReflectionPad1d` |
| replicate | $\min(\max(j, 0), L - 1)$ | a a \| a b c d \| d d | `ReplicationPad1d` |
| circular | $j \bmod L$ | c d \| a b c d \| a b | `CircularPad1d` |

With several dimensions, one is padded after the other; the order makes no difference, because each element of the result depends on
the position along each dimension separately.

## Gradients

An element of $x$ may be shown several times. The loss depends on it through each of these elements of $y$, and the chain rule adds
them up:

$$\frac{\partial L}{\partial x[j]} = \sum_{l \, : \; s(l - p) = j} \frac{\partial L}{\partial y[l]}$$

The constant is not a tensor and gets no gradient.

## Worked example

Two elements before, one behind:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> x = torch.tensor([[1., 2, 3]])
>>> F.pad(x, (2, 1))
tensor([[0., 0., 1., 2., 3., 0.]])
>>> F.pad(x, (2, 1), "reflect")
tensor([[3., 2., 1., 2., 3., 2.]])
>>> F.pad(x, (2, 1), "replicate")
tensor([[1., 1., 1., 2., 3., 3.]])
>>> F.pad(x, (2, 1), "circular")
tensor([[2., 3., 1., 2., 3., 1.]])

The gradient of an element is the sum over the places where it is shown:

>>> x = torch.tensor([[1., 2, 3]], requires_grad=True)
>>> F.pad(x, (2, 1), "reflect").backward(torch.tensor([[1., 2, 4, 8, 16, 32]]))
>>> x.grad
tensor([[ 4., 42., 17.]])

## Questions

**Which dimension does the first pair of widths belong to?**

To the last one. `(1, 2, 3, 4)` adds one column on the left, two on the right, three rows above and four below:

>>> F.pad(torch.zeros(1, 5, 5), (1, 2, 3, 4)).shape
torch.Size([1, 12, 8])

**Why may a reflected border not be as wide as the input?**

The element at the edge is the mirror and is not repeated. The border can show only the other $L - 1$ elements.

**What does a negative width do?**

It removes elements of the input.

>>> F.pad(torch.tensor([1., 2, 3, 4]), (-1, 2))
tensor([2., 3., 4., 0., 0.])
"""

from __future__ import annotations

from reftorch.nn.padding.circular_pad import circular_pad
from reftorch.nn.padding.constant_pad import constant_pad
from reftorch.nn.padding.reflection_pad import reflection_pad
from reftorch.nn.padding.replication_pad import replication_pad

BORDERS = {"reflect": reflection_pad, "replicate": replication_pad, "circular": circular_pad}


def pad(input, pad, mode="constant", value=None):
    """`input` with a border: `pad` is (left, right, top, bottom, ...), the last dimension first; negative entries cut off.

    Shapes: any with `mode="constant"`; otherwise the last 1, 2 or 3 dimensions are padded, and one or two come before them.

    Args:
        mode: "constant", "reflect", "replicate" or "circular".
        value: what a constant border holds; None means 0.

    Raises:
        RuntimeError: an odd number of widths, too many of them, a border wider than the mode allows, a value with another mode.
        NotImplementedError: an unknown mode, or dimensions or a dtype that it does not pad.
        TypeError: an argument is of the wrong type.
    """
    if not isinstance(mode, str):
        raise TypeError(f"pad(): argument 'mode' must be str, not {type(mode).__name__}")
    if mode == "constant":
        return constant_pad(input, pad, 0 if value is None else value)
    if mode not in BORDERS:
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}: it may be 'constant', 'reflect', 'replicate' or 'circular'"
        )
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument: found value={value}')
    return BORDERS[mode](input, pad)
