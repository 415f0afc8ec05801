r"""The gradient of the negative log-likelihood: zeros, and one number for each sample.

The reference loop visits each element of the gradient, and compares its class with the label. But each sample has only one element that is
not zero, and the label is its index. So the memory is set to zero in one piece, and then one element of each sample is written.
"""

from __future__ import annotations

from reftorch.kernel import SERIAL, njit


def nll_loss_backward_x(reference, grad_loss, target, weight, grad_x, ignore_index):
    """grad_x from the gradients of the samples' losses."""
    grad_x.fill(0)
    write_labels(grad_loss, target, weight, grad_x, ignore_index)


@njit(**SERIAL)
def write_labels(grad_loss, target, weight, grad_x, ignore_index):
    N, D = target.shape
    for n in range(N):
        for d in range(D):
            label = target[n, d]
            if label != ignore_index:
                grad_x[n, label, d] = -grad_loss[n, d] * weight[label]
