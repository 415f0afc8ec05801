r"""All parameters of a model as one long vector, and back.

The elements of the first parameter come first, row by row, then those of the second one, and so on.

Use it when an algorithm works on one vector: the distance between two models, a line search, an evolution strategy. For training
the optimizers take the parameters as they are.

## Forward

The parameters $W_1, W_2, \dots$ have $n_1, n_2, \dots$ elements. Parameter $k$ takes the positions of the vector $v$ from $o_k$ on:

$$v[o_k + i] = W_k[i] \qquad 0 \le i < n_k \qquad o_k = n_1 + \dots + n_{k - 1}$$

where $W_k[i]$ is the element with number $i$ in row-major order. `vector_to_parameters` uses the same
equation to read $W_k$ from $v$.

## Worked example

>>> import reftorch as torch
>>> from reftorch.nn.utils import parameters_to_vector, vector_to_parameters
>>> weight = torch.nn.Parameter(torch.tensor([[1., 2, 3], [4, 5, 6]]))
>>> bias = torch.nn.Parameter(torch.tensor([7., 8]))
>>> vector = parameters_to_vector([weight, bias])
>>> vector
tensor([1., 2., 3., 4., 5., 6., 7., 8.], grad_fn=<CatBackward0>)
>>> vector_to_parameters(10 * vector.detach(), [weight, bias])
>>> weight
Parameter containing:
tensor([[10., 20., 30.],
        [40., 50., 60.]], requires_grad=True)
>>> bias
Parameter containing:
tensor([70., 80.], requires_grad=True)

## Questions

**Do the parameters share their memory with the vector?**

After `vector_to_parameters` they do: each parameter becomes a view of its part of the vector.

>>> shared = torch.zeros(8)
>>> vector_to_parameters(shared, [weight, bias])
>>> shared[7] = 5
>>> bias
Parameter containing:
tensor([0., 5.], requires_grad=True)

After `parameters_to_vector` they do not: the vector has its own memory.

**Can a gradient be computed for the vector?**

Yes. The vector is computed from the parameters, and its backward pass splits its gradient into the gradients of the parameters.

**What if the vector is longer than the parameters?**

The rest is not used, and there is no error, as in PyTorch. A vector that is too short raises an error.
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.autograd import Function
from reftorch.nn.arguments import are_plain
from reftorch.ops import cat
from reftorch.tensor import Tensor


class JoinedParameters(Function):
    """The elements of all parameters in one vector, as one node of the tape; each gets its part of the gradient."""

    torch_name = "CatBackward0"

    @staticmethod
    def forward(ctx, *parameters):
        ctx.shapes = [parameter.array.shape for parameter in parameters]
        return Tensor._make(np.concatenate([parameter.array.reshape(-1) for parameter in parameters]))

    @staticmethod
    def backward(ctx, grad_y):
        grads, first = [], 0
        for shape, needed in zip(ctx.shapes, ctx.needs_input_grad):
            last = first + math.prod(shape)
            part = grad_y.array[first:last].reshape(shape)
            grads.append(Tensor._make(part.copy()) if needed else None)
            first = last
        return tuple(grads)


def parameters_to_vector(parameters):
    """The elements of all parameters in one vector. It is differentiable.

    Raises:
        ValueError: there are no parameters.
        RuntimeError: a parameter is not contiguous.
        TypeError: the parameters are on different devices.
    """
    parameters = list(parameters)
    if not parameters:
        raise ValueError(
            "expected a non-empty list of Tensors: parameters_to_vector found no parameters. model.parameters() can be iterated "
            "only once, so make a list of it"
        )
    if are_plain(parameters):
        return JoinedParameters.apply(*parameters)
    _check_devices(parameters)
    return cat([parameter.view(-1) for parameter in parameters])


def vector_to_parameters(vec, parameters):
    """Make each parameter a view of its part of the vector, in order.

    Raises:
        TypeError: `vec` is not a tensor, or the parameters are on different devices.
        RuntimeError: the vector has too few elements.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(
            f"expected torch.Tensor, but got: {type(vec).__name__}: the vector comes first, then the parameters"
        )
    parameters = list(parameters)
    _check_devices(parameters)
    first = 0
    for parameter in parameters:
        count = parameter.numel()
        part = vec[first : first + count]
        if part.numel() < count:
            raise RuntimeError(
                f"vector_to_parameters: the vector has {vec.numel()} elements, but a parameter of shape "
                f"{list(parameter.shape)} needs those from {first} to {first + count - 1}"
            )
        parameter.data = part.view_as(parameter).data
        first += count


def _check_devices(parameters):
    devices = {str(parameter.device) for parameter in parameters}
    if len(devices) > 1:
        raise TypeError(
            f"Found two parameters on different devices, {' and '.join(sorted(devices))}, this is currently not supported: "
            "move the model to one device first"
        )
