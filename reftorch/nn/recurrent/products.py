"""The product that a recurrent layer computes at every time: its state with the same weight."""

from __future__ import annotations

import numpy as np

from reftorch.kernel import fast_forms
from reftorch.ops.backend import library

FEW = 4  # up to so many rows of `a`, packing the matrix into panels takes longer than it saves


class Product:
    """`product(a)` is `a @ matrix + bias`, as arrays. In the fast form the matrix is packed once, at the first call with more than
    `FEW` rows.

    Args:
        matrix: (K, N), a tensor; it may be a transposed view.
        bias: (N), a tensor, or None.
    """

    def __init__(self, matrix, bias=None):
        self.matrix, self.bias = matrix.array, None if bias is None else bias.array
        self.library = library(matrix.device)
        self.fast = matrix.device.type == "cpu" and fast_forms()
        self.panels = None

    def __call__(self, a):
        if self.fast:
            return self._fast(a)
        y = self.library.matmul(a, self.matrix)
        return y if self.bias is None else self.library.add(y, self.bias)

    def _fast(self, a):
        from reftorch.fast.matmul import matmul
        from reftorch.fast.repeated import multiply, pack

        y = np.empty((len(a), self.matrix.shape[1]), a.dtype)
        if len(a) <= FEW:
            matmul(a, self.matrix, y, self.bias)
            return y
        if self.panels is None:
            self.panels = pack(self.matrix)
            if self.bias is None:
                self.bias = np.zeros(y.shape[1], y.dtype)
        multiply(a, self.panels, self.bias, y)
        return y
