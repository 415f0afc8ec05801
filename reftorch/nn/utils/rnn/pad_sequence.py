r"""Padding: a list of sequences of different lengths becomes one tensor, filled up to the length of the longest one.

Use it when a layer expects one tensor and can ignore the padding, as attention with a mask; for a recurrent layer `pack_sequence`
saves the steps on padding.

## Forward

Sequence $n$ has $T_n$ elements, and $T$ is the largest $T_n$. The padding value $p$ comes behind the elements:

$$y[t, n] = \begin{cases} x_n[t] & t < T_n \\ p & \text{otherwise} \end{cases}$$

With `padding_side="left"` it comes before them: $y[t, n] = x_n[t - (T - T_n)]$ from $t = T - T_n$ on.

## Gradients

Each element is copied to one place and takes its gradient from there: $\frac{\partial L}{\partial x_n}[t] =
\frac{\partial L}{\partial y}[t, n]$. The gradient of padding is discarded.

## Worked example

>>> import reftorch as torch
>>> from reftorch.nn.utils.rnn import pad_sequence, unpad_sequence
>>> a = torch.tensor([1., 2, 3], requires_grad=True)
>>> b = torch.tensor([4.], requires_grad=True)
>>> y = pad_sequence([a, b], batch_first=True, padding_value=-1)
>>> y.detach()
tensor([[ 1.,  2.,  3.],
        [ 4., -1., -1.]])
>>> y.backward(torch.tensor([[10., 20, 30],
...                          [40, 50, 60]]))
>>> a.grad, b.grad
(tensor([10., 20., 30.]), tensor([40.]))

With the lengths, `unpad_sequence` restores the list:

>>> unpad_sequence(y.detach(), torch.tensor([3, 1]), batch_first=True)
[tensor([1., 2., 3.]), tensor([4.])]

## Questions

**How can a later layer know what is padding?**

From the lengths, or from a mask made from them. The padding value is not enough if it also occurs in the data, as 0 may.

>>> torch.arange(3) < torch.tensor([3, 1]).unsqueeze(1)
tensor([[ True,  True,  True],
        [ True, False, False]])

**Why is the time the first dimension unless `batch_first` is given?**

Because a recurrent layer reads all sequences at one time $t$, and in this order their elements are neighbours in memory.

**Which share of the result is padding if the lengths are 3 and 1?**

A third: 2 of 6 places. Sort a data set by length before you make batches, and it becomes less.

>>> (y == -1).sum().item() / y.numel()
0.3333333333333333

## Differences

PyTorch's `unpad_sequence` exchanges the first two dimensions of its argument in place when `batch_first` is False; here the
argument stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from reftorch.tensor import Tensor


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """One tensor of all sequences (T_n, *): (T, N, *), or (N, T, *) if `batch_first`.

    Args:
        sequences: tensors with the same sizes after the first dimension.
        batch_first: whether the first dimension of the result is that of the sequences.
        padding_value: what fills up the shorter ones.
        padding_side: "right", behind the elements, or "left", before them.

    Raises:
        RuntimeError: no sequences; sizes that differ; another side.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    sequences = tuple(sequences)
    for each in sequences:
        if not isinstance(each, Tensor):
            raise TypeError(f"pad_sequence: expected a list of Tensors, found {type(each).__name__} in it")
    if not sequences:
        raise RuntimeError("received an empty list of sequences: pad_sequence expects at least one")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    first = sequences[0]
    for each in sequences:
        if each.shape[1:] != first.shape[1:]:
            raise RuntimeError(
                "The size of tensor a must match the size of tensor b after the first dimension, which is the time: "
                f"pad_sequence found {list(first.shape)} and {list(each.shape)}"
            )
    T = max(len(each) for each in sequences)
    y = first.new_full((len(sequences), T, *first.shape[1:]), padding_value)
    for n, each in enumerate(sequences):
        start = T - len(each) if padding_side == "left" else 0
        y[n, start : start + len(each)] = each
    return y if batch_first else y.transpose(0, 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The list of sequences in a padded tensor (T, N, *), or (N, T, *) if `batch_first`: of each the first `lengths[n]` elements.

    Raises:
        ValueError: another number of lengths than sequences.
    """
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    if len(x) != len(lengths):
        raise ValueError(
            f"unpad_sequence: found {len(x)} sequences in a tensor of shape {list(padded_sequences.shape)}, but {len(lengths)} "
            "lengths: is batch_first wrong?"
        )
    return [each[: max(int(length), 0)].clone() for each, length in zip(x, lengths)]
