r"""A network for digits, from the first kernel to an accuracy of 97%: two layers, their gradients, the step, and the training.

$$h_j = \max\Big(0, \; b_j + \sum_i W_{ji} x_i\Big) \qquad s_c = b'_c + \sum_j W'_{cj} h_j \qquad
p_c = \frac{e^{s_c}}{\sum_k e^{s_k}} \qquad L = -\frac{1}{N} \sum_n \ln p_{t_n}$$

for each image $x$ of a batch of $N$, with 64 pixels, $h$ hidden numbers and a score $s_c$ for each of the ten digits; $t_n$ is the
digit that image $n$ shows. The gradients are short:

$$\frac{\partial L}{\partial s_c} = \frac{p_c - [c = t]}{N} \qquad
\frac{\partial L}{\partial W'_{cj}} = \sum_n \frac{\partial L}{\partial s_c} h_j \qquad
\frac{\partial L}{\partial h_j} = [h_j > 0] \sum_c W'_{cj} \frac{\partial L}{\partial s_c}$$

The gradients of $W$, $b$ and $b'$ are formed in the same way. No tape is needed: this file calls the forward kernels in their order,
and then the backward kernels in the reverse order.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.kernel import PARALLEL, SERIAL, njit, on, prange
from reftorch.types import device

CPU = device("cpu")
HIDDEN = 128


# ## Two layers
#
# $$y_j = b_j + \sum_i W_{ji} x_i$$
#
# for each image n. With `bend`, negative outputs become zero (ReLU).
@njit(**PARALLEL)
def layer_forward_cpu(x, weight, bias, y, bend):
    for n in prange(x.shape[0]):
        for j in range(weight.shape[0]):
            acc = bias[j]
            for i in range(weight.shape[1]):
                acc += weight[j, i] * x[n, i]
            y[n, j] = max(acc, y.dtype.type(0)) if bend else acc


# ## The gradient of the scores
#
# $$\frac{\partial L}{\partial s_c} = \frac{p_c - [c = t]}{N} \qquad p_c = \frac{e^{s_c - m}}{\sum_k e^{s_k - m}}$$
#
# m is the largest score. Without it, the exponential of a large score overflows.
@njit(**PARALLEL)
def scores_backward_cpu(scores, target, grad_scores):
    N, C = scores.shape
    for n in prange(N):
        largest = scores[n, 0]
        for c in range(C):
            largest = max(largest, scores[n, c])
        total = scores.dtype.type(0)
        for c in range(C):
            total += math.exp(scores[n, c] - largest)
        for c in range(C):
            p = math.exp(scores[n, c] - largest) / total
            grad_scores[n, c] = (p - 1 if c == target[n] else p) / N


# ## The gradients of a layer
#
# $$\frac{\partial L}{\partial W_{ji}} = \sum_n \frac{\partial L}{\partial y_j} x_i \qquad
# \frac{\partial L}{\partial b_j} = \sum_n \frac{\partial L}{\partial y_j}$$
@njit(**PARALLEL)
def layer_backward_weight_cpu(grad_y, x, grad_weight, grad_bias):
    for j in prange(grad_weight.shape[0]):
        for i in range(grad_weight.shape[1]):
            acc = grad_weight.dtype.type(0)
            for n in range(x.shape[0]):
                acc += grad_y[n, j] * x[n, i]
            grad_weight[j, i] = acc
        acc = grad_weight.dtype.type(0)
        for n in range(x.shape[0]):
            acc += grad_y[n, j]
        grad_bias[j] = acc


# ## Back through the second layer and the bend
#
# $$\frac{\partial L}{\partial h_j} = [h_j > 0] \sum_c W'_{cj} \frac{\partial L}{\partial s_c}$$
@njit(**PARALLEL)
def hidden_backward_cpu(grad_scores, weight, hidden, grad_hidden):
    for n in prange(hidden.shape[0]):
        for j in range(hidden.shape[1]):
            acc = hidden.dtype.type(0)
            for c in range(weight.shape[0]):
                acc += weight[c, j] * grad_scores[n, c]
            grad_hidden[n, j] = acc if hidden[n, j] > 0 else hidden.dtype.type(0)


# ## A step downhill
#
# $$v \leftarrow \mu v + g \qquad \theta \leftarrow \theta - \eta v$$
@njit(**SERIAL)
def step_cpu(param, grad, velocity, lr, momentum):
    for i in range(param.size):
        velocity[i] = momentum * velocity[i] + grad[i]
        param[i] -= lr * velocity[i]


def run(kernel, *arguments):
    """Call a kernel: compiled, or as plain Python in debug mode."""
    on(CPU, kernel, None, max(argument.size for argument in arguments if isinstance(argument, np.ndarray)))(*arguments)


def scores_of(images, weights):
    """The hidden numbers of images (N, 64), and their scores for the digits, (N, 10). `weights` are as `initial` returns them."""
    hidden = np.empty((len(images), len(weights[1])), np.float32)
    scores = np.empty((len(images), len(weights[3])), np.float32)
    run(layer_forward_cpu, images, weights[0], weights[1], hidden, True)
    run(layer_forward_cpu, hidden, weights[2], weights[3], scores, False)
    return hidden, scores


def gradients(images, target, weights):
    """The gradients of the mean loss with respect to the four weights, in their order."""
    hidden, scores = scores_of(images, weights)
    grads = [np.empty_like(weight) for weight in weights]
    grad_scores, grad_hidden = np.empty_like(scores), np.empty_like(hidden)
    run(scores_backward_cpu, scores, target, grad_scores)
    run(layer_backward_weight_cpu, grad_scores, hidden, grads[2], grads[3])
    run(hidden_backward_cpu, grad_scores, weights[2], hidden, grad_hidden)
    run(layer_backward_weight_cpu, grad_hidden, images, grads[0], grads[1])
    return grads


def initial(generator, hidden=HIDDEN, pixels=64, digits=10):
    """Initial weights, small and random: weight and bias of the first layer, weight and bias of the second."""
    shapes = ((hidden, pixels), (hidden,), (digits, hidden), (digits,))
    bounds = [1 / math.sqrt(n) for n in (pixels, pixels, hidden, hidden)]
    return [generator.uniform(-bound, bound, shape).astype(np.float32) for shape, bound in zip(shapes, bounds)]


def shifted(images, generator):
    """The images, each moved by up to one pixel up, down, left or right: a moved digit is still the same digit."""
    side = math.isqrt(images.shape[1])
    framed = np.zeros((len(images), side + 2, side + 2), np.float32)
    framed[:, 1:-1, 1:-1] = images.reshape(-1, side, side)
    corners = generator.integers(0, 3, (len(images), 2))
    moved = [image[h : h + side, w : w + side] for image, (h, w) in zip(framed, corners)]
    return np.array(moved, np.float32).reshape(images.shape)


def train(images, target, seed):
    """Learn from images, float32 (N, 64) from 0 to 1, and the digits that they show, int64 (N,). Returns the four weights."""
    generator = np.random.default_rng(seed)
    weights = initial(generator)
    velocities = [np.zeros(weight.size, np.float32) for weight in weights]
    epochs = 30
    for epoch in range(epochs):
        lr = np.float32(0.1 * (1 - epoch / epochs))
        order = generator.permutation(len(images))
        for start in range(0, len(images), 32):
            batch = order[start : start + 32]
            seen = shifted(images[batch], generator) if epoch % 2 else images[batch]
            for weight, grad, velocity in zip(weights, gradients(seen, target[batch], weights), velocities):
                run(step_cpu, weight.reshape(-1), grad.reshape(-1), velocity, lr, np.float32(0.9))
    return weights
