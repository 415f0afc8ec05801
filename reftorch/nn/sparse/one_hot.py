r"""One-hot encoding: a class index becomes a row of zeros with a single one at the place of the class.

The rows of two different classes are orthogonal, and all pairs of different classes have the same distance.

Use it when a class index has to become a vector of numbers; `Embedding` learns a shorter vector, and `cross_entropy` takes the index
itself.

## Forward

One index $x = 2$ of $C = 4$ classes becomes $(0, 0, 1, 0)$. For every index $n$ and class $c$:

$$y[n, c] = \begin{cases} 1 & \text{if } x[n] = c \\ 0 & \text{otherwise} \end{cases}$$

Without `num_classes`, $C$ is the largest index plus one.

## Gradients

There are none: the input and the output consist of integers.

## Output size

A dimension of size $C$ is added at the end: $(*)$ becomes $(*, C)$.

## Cost

One comparison per element of the output. Reads $N$ indices and writes $N C$ integers of 8 bytes.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N)$ | input: class indices |
| $y$ | `y` | $(N, C)$ | output: zeros and ones |
| $n$ | `n` | $0 \le n < N$ | position of the index |
| $c$ | `c` | $0 \le c < C$ | class |

## Worked example

Three indices, one of them twice:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> F.one_hot(torch.tensor([2, 0, 2]), num_classes=4)
tensor([[0, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 0, 1, 0]])

## Questions

**What is the sum of all rows?**

How often each class occurs:

>>> F.one_hot(torch.tensor([2, 0, 2])).sum(0)
tensor([1, 0, 2])

**How does a one-hot row select a row of a matrix?**

By the product of the one-hot row and the matrix: all other rows of the matrix are multiplied by zero. An embedding does the same
without the product.

>>> table = torch.tensor([[1., 2], [3, 4], [5, 6]])
>>> F.one_hot(torch.tensor([1]), 3).float() @ table
tensor([[3., 4.]])

**Which dtype does the result have?**

int64. To multiply it with floating-point numbers, convert it, as above.
"""

from __future__ import annotations

import operator

from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.tensor import Tensor
from reftorch.types import int64


# ## Zeros and a one
#
# $$y[n, c] = 1 \text{ if } x[n] = c \text{, else } 0$$
@njit(**PARALLEL)
def one_hot_forward_cpu(x, y):
    N, C = y.shape
    for n in prange(N):
        for c in range(C):
            y[n, c] = 1 if x[n] == c else 0


@cuda.jit
def one_hot_forward_cuda(x, y):
    N, C = y.shape
    i = cuda.grid(1)
    if i >= y.size:
        return
    c = i % C
    n = i // C
    y[n, c] = 1 if x[n] == c else 0


def one_hot(input, num_classes=-1):
    """A row of zeros with a one at the place of the class, for every class index.

    Shapes: `input` (*), int64; the result (*, C), int64. `num_classes` is C; -1 takes the largest index plus one.

    Raises:
        TypeError: `input` is not a tensor, or `num_classes` not an int.
        RuntimeError: `input` is not int64; an index is negative or not below `num_classes`; `input` is empty and the number of classes
            is not given.
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"one_hot(): argument 'input' must be Tensor, not {type(input).__name__}: convert it with torch.tensor(...)"
        )
    if isinstance(num_classes, bool) or not hasattr(num_classes, "__index__"):
        raise TypeError(f"one_hot(): argument 'num_classes' must be int, not {type(num_classes).__name__}")
    if input.dtype is not int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor (int64), but found {input.dtype}: convert it with x.long()"
        )
    C = checked_classes(input, operator.index(num_classes))
    y = input.new_empty(*input.shape, C)
    run = on(input.device, one_hot_forward_cpu, one_hot_forward_cuda, y.numel())
    indices, result = arrays(input, y)
    run(indices.reshape(input.numel()), result.reshape(input.numel(), C))
    return y


def checked_classes(input, num_classes):
    """The number of classes, once all indices are known to be below it."""
    if input.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor: give num_classes")
        return num_classes
    smallest, largest = int(input.min()), int(input.max())
    if smallest < 0:
        raise RuntimeError(f"one_hot: Class values must be non-negative, but found {smallest}")
    if num_classes == -1:
        return largest + 1
    if largest >= num_classes:
        raise RuntimeError(
            f"one_hot: Class values must be smaller than num_classes, but found {largest} and {num_classes} classes"
        )
    return num_classes
