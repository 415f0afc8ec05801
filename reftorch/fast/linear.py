"""The three products of a linear layer as matrix products, and the gradient of its bias.

The first argument of each is the reference kernel, which computes integers; the others are the reference kernel's arguments.
"""

from __future__ import annotations

from reftorch.fast.matmul import matmul
from reftorch.fast.sums import column_sums


def linear_forward(reference, x, weight, bias, y):
    """y = x Wᵀ + b"""
    if y.dtype.kind != "f":
        return reference(x, weight, bias, y)
    matmul(x, weight.T, y, bias)


def linear_backward_x(reference, grad_y, weight, grad_x):
    """grad_x = g W"""
    if grad_x.dtype.kind != "f":
        return reference(grad_y, weight, grad_x)
    matmul(grad_y, weight, grad_x)


def linear_backward_weight(reference, grad_y, x, grad_weight):
    """grad_weight = gᵀ x"""
    if grad_weight.dtype.kind != "f":
        return reference(grad_y, x, grad_weight)
    matmul(grad_y.T, x, grad_weight)


def linear_backward_bias(reference, grad_y, grad_bias):
    """grad_bias = the sums over the columns of g"""
    if grad_bias.dtype.kind != "f":
        return reference(grad_y, grad_bias)
    column_sums(grad_y, grad_bias)
