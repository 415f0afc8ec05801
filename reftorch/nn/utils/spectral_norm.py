r"""Spectral normalization: the weight matrix is divided by its largest singular value.

The product with the normalized matrix does not increase the Euclidean norm of any vector. The singular value is estimated by the power
iteration, one step at each call in training.

Use it when a network must not change too fast with its input, as the discriminator of a GAN; `weight_norm` separates the length
of each weight vector from its direction.

## Forward

$W$ is the weight as a matrix: one row for each output, all other dimensions in the columns. The result is

$$y[i, j] = \frac{W[i, j]}{\sigma} \qquad \sigma = \sum_{i, j} u[i] \, W[i, j] \, v[j]$$

Here $\sigma$ estimates the largest singular value. It is exact if $u$ and $v$ are the singular vectors that belong to it. In
training each call improves them by power iteration:

$$v \leftarrow \frac{W^T u}{\lVert W^T u \rVert} \qquad u \leftarrow \frac{W v}{\lVert W v \rVert}$$

In evaluation they stay as they are.

## Gradients

$u$ and $v$ count as constants. An element of $W$ changes its own element of $y$, by $1 / \sigma$. It also changes $\sigma$, by
$u[i] \, v[j]$, and through it all elements of $y$, whose derivative with respect to $\sigma$ is $-y / \sigma$:

$$\frac{\partial L}{\partial W}[i, j] = \frac{1}{\sigma} \left( \frac{\partial L}{\partial y}[i, j] - s \, u[i] \, v[j] \right)
\qquad s = \sum_{i, j} \frac{\partial L}{\partial y}[i, j] \, y[i, j]$$

## Cost

A power iteration needs $2 R C$ multiplications for a matrix of $R$ rows and $C$ columns, and $\sigma$ needs $R C$ more. The
division costs one operation per element, its gradient four.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $W$ | `weight` | $(R, C)$ | weight: the parameter, as a matrix |
| $y$ | `y` | $(R, C)$ | output: the weight that the layer uses |
| $\sigma$ | `sigma` | $(1)$ | estimate of the largest singular value |
| $u$ | `u` | $(R)$ | left singular vector, of length 1 |
| $v$ | `v` | $(C)$ | right singular vector, of length 1 |
| $s$ | `along` | $(1)$ | the gradient of $y$ times $y$, summed |
| $\frac{\partial L}{\partial y}$ | `grad_y` | $(R, C)$ | gradient of the loss for $y$ |
| $\frac{\partial L}{\partial W}$ | `grad_weight` | $(R, C)$ | gradient of the loss for $W$ |
| $i$ | `i` | $0 \le i < R$ | row: output of the layer |
| $j$ | `j` | $0 \le j < C$ | column: one weight of that output |

## Worked example

A diagonal matrix has its singular values on the diagonal. With the singular vectors of the largest one, which is 4, the weight
is divided by 4:

>>> import reftorch as torch
>>> from reftorch.nn.utils import spectral_norm
>>> layer = torch.nn.Linear(2, 2, bias=False)
>>> layer.weight.data = torch.tensor([[4., 0], [0, 2]])
>>> layer = spectral_norm(layer)
>>> _ = layer.weight_u.copy_(torch.tensor([1., 0]))
>>> y = layer(torch.tensor([[1., 1]]))
>>> layer.weight.data
tensor([[1.0000, 0.0000],
        [0.0000, 0.5000]])
>>> y.sum().backward()
>>> layer.weight_orig.grad
tensor([[-0.1250,  0.2500],
        [ 0.2500,  0.2500]])

## Questions

**By which factor can the normalized layer increase the norm of a vector?**

By 1 at most, if $\sigma$ is exact: the largest singular value of $y$ is 1.

**Why is one power iteration per call enough?**

The weights change little from step to step, so the vectors of the last call are nearly right for the next one.

**What happens to the weight if $u$ starts orthogonal to the largest singular vector?**

The power iteration then finds another singular value. Here it finds 2, so the weight is divided by 2. Rounding errors or the next
change of the weights end this state.

>>> _ = layer.weight_u.copy_(torch.tensor([0., 1]))
>>> y = layer(torch.tensor([[1., 1]]))
>>> layer.weight.data
tensor([[2., 0.],
        [0., 1.]])

**What is the gradient in the direction of $W$ itself?**

0, if $u$ and $v$ are exact: if $W$ is scaled, $\sigma$ is scaled by the same factor, and the ratio stays the same.
"""

from __future__ import annotations

from reftorch.autograd import Function, no_grad
from reftorch.kernel import PARALLEL, arrays, cuda, njit, on, prange
from reftorch.nn.normalization.normalize import normalize
from reftorch.nn.parameter import Parameter


# ## The weight divided by its singular value
#
# $$y[i, j] = \frac{W[i, j]}{\sigma}$$
@njit(**PARALLEL)
def spectral_norm_forward_cpu(weight, sigma, y):
    R, C = weight.shape
    for i in prange(R):
        for j in range(C):
            y[i, j] = weight[i, j] / sigma[0]


@cuda.jit
def spectral_norm_forward_cuda(weight, sigma, y):
    R, C = weight.shape
    thread = cuda.grid(1)
    if thread >= y.size:
        return
    j = thread % C
    i = thread // C
    y[i, j] = weight[i, j] / sigma[0]


# ## The gradient of the weight
#
# $$\frac{\partial L}{\partial W}[i, j] = \frac{1}{\sigma} \left( \frac{\partial L}{\partial y}[i, j] - s \, u[i] \, v[j] \right)$$
#
# The second term is there because $\sigma$ depends on every element.
@njit(**PARALLEL)
def spectral_norm_backward_weight_cpu(grad_y, sigma, along, u, v, grad_weight):
    R, C = grad_y.shape
    for i in prange(R):
        for j in range(C):
            grad_weight[i, j] = (grad_y[i, j] - along[0] * u[i] * v[j]) / sigma[0]


@cuda.jit
def spectral_norm_backward_weight_cuda(grad_y, sigma, along, u, v, grad_weight):
    R, C = grad_y.shape
    thread = cuda.grid(1)
    if thread >= grad_weight.size:
        return
    j = thread % C
    i = thread // C
    grad_weight[i, j] = (grad_y[i, j] - along[0] * u[i] * v[j]) / sigma[0]


class SpectralNormFunction(Function):
    """The division on the tape. weight (R, C), u (R), v (C); u and v are constants."""

    @staticmethod
    def forward(ctx, weight, u, v):
        sigma = (u * (weight @ v)).sum().reshape(1)
        y = weight.new_empty(weight.shape)
        run = on(weight.device, spectral_norm_forward_cpu, spectral_norm_forward_cuda, y.numel())
        run(*arrays(weight, sigma, y))
        ctx.save_for_backward(sigma, u, v, y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        sigma, u, v, y = ctx.saved_tensors
        along = (grad_y * y.detach()).sum().reshape(1)
        grad_weight = y.new_empty(y.shape)
        run = on(y.device, spectral_norm_backward_weight_cpu, spectral_norm_backward_weight_cuda, y.numel())
        run(*arrays(grad_y, sigma, along, u, v, grad_weight))
        return grad_weight, None, None


class SpectralNorm:
    """The hook that computes the weight before each call of the module."""

    version = 1

    def __init__(self, name, n_power_iterations, dim, eps):
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}: without an "
                "iteration the singular value is never found"
            )
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def as_matrix(self, weight):
        """The weight with `dim` in the rows and all other dimensions in the columns."""
        front = weight.permute(*self.order(weight))
        return front.reshape(front.shape[0], -1)

    def order(self, weight):
        """The dimensions of the weight, `dim` first."""
        return [self.dim, *(d for d in range(weight.dim()) if d != self.dim)]

    def from_matrix(self, matrix, weight):
        """The matrix in the shape of the weight: `as_matrix` undone."""
        order = self.order(weight)
        front = matrix.reshape([weight.shape[d] for d in order])
        return front.permute(*(order.index(d) for d in range(weight.dim())))

    def compute_weight(self, module, do_power_iteration):
        """The normalized weight; u and v of the module are changed in place if a power iteration is done."""
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = self.as_matrix(weight)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.t() @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(matrix @ v, dim=0, eps=self.eps))
        # copies: the backward pass needs the vectors of this call, and the next call changes them
        return self.from_matrix(SpectralNormFunction.apply(matrix, u.clone(), v.clone()), weight)

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module, module.training))


class SpectralNormVersion:
    """The hook that writes into the metadata of a state_dict in which form the vectors are saved."""

    def __init__(self, hook):
        self.hook = hook

    def __call__(self, module, state_dict, prefix, local_metadata):
        local_metadata.setdefault("spectral_norm", {})[self.hook.name + ".version"] = self.hook.version


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Divide the parameter `name` of the module by its largest singular value before each call. Returns the module.

    The parameter is called `name + "_orig"` afterwards; the singular vectors are the buffers `name + "_u"` and `name + "_v"`.

    Args:
        module: a layer.
        name: which of its parameters.
        n_power_iterations: how many power iterations each call in training does.
        eps: the smallest length that a vector is divided by.
        dim: the dimension that counts the outputs; None means 1 for transposed convolutions, otherwise 0.

    Raises:
        RuntimeError: the parameter is normalized already.
        ValueError: no power iterations, or the parameter is None.
        KeyError: the module has no such parameter.
    """
    if any(isinstance(hook, SpectralNorm) and hook.name == name for hook in module._forward_pre_hooks.values()):
        raise RuntimeError(
            f"Cannot register two spectral_norm hooks on the same parameter {name}: call remove_spectral_norm first"
        )
    if dim is None:
        transposed = ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
        dim = int(any(base.__name__ in transposed for base in type(module).__mro__))
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(
            f"`SpectralNorm` cannot be applied as parameter `{name}` is None: the layer was made without it"
        )
    with no_grad():
        rows, columns = hook.as_matrix(weight).shape
        u = normalize(weight.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
        v = normalize(weight.new_empty(columns).normal_(0, 1), dim=0, eps=eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module._register_state_dict_hook(SpectralNormVersion(hook))
    return module


def remove_spectral_norm(module, name="weight"):
    """Make the parameter `name` an ordinary one again, with the normalized weight. Returns the module.

    Raises:
        ValueError: the parameter is not normalized.
    """
    mine = [
        key for key, hook in module._forward_pre_hooks.items() if isinstance(hook, SpectralNorm) and hook.name == name
    ]
    if not mine:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}: it was never applied or is removed already")
    with no_grad():
        weight = module._forward_pre_hooks[mine[0]].compute_weight(module, do_power_iteration=False)
    for end in ("", "_u", "_v", "_orig"):
        delattr(module, name + end)
    module.register_parameter(name, Parameter(weight.detach()))
    del module._forward_pre_hooks[mine[0]]
    for key, hook in module._state_dict_hooks.items():
        if isinstance(hook, SpectralNormVersion) and hook.hook.name == name:
            del module._state_dict_hooks[key]
            break
    return module
