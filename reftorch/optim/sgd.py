r"""Stochastic gradient descent: each parameter takes a step against its gradient, with momentum if wanted.

Momentum sums up past gradients, so that steps of one direction grow longer and steps of changing direction cancel.
The gradient is called stochastic because it is computed from a random part of the data; the step itself is not random.

Use it when you want the simplest optimizer, or one whose results generalize well with a tuned learning rate; `adam` needs
less tuning.

## Forward

Without options a step is $\theta \leftarrow \theta - \gamma \, \frac{\partial f}{\partial \theta}$, with the learning rate
$\gamma$. In general, each element of each parameter takes a step by the same formula; $i$ counts the elements. First comes $g_i$:
the gradient of the loss $f$, negated if $f$ should become large, plus the weight decay, which pulls each parameter towards zero.

$$g_i = \pm \frac{\partial f}{\partial \theta_i} + \lambda \, \theta_i \qquad \text{minus for } \texttt{maximize}$$

Then the momentum buffer is updated. Before the first step, $t = 1$, there is no buffer, so it becomes the undamped gradient:

$$b_i \leftarrow \begin{cases} g_i & \text{if } t = 1 \\ \mu \, b_i + (1 - \tau) \, g_i & \text{if } t > 1 \end{cases}$$

The step goes along the buffer. Nesterov's variant adds one more step of momentum. Without momentum there is no buffer:

$$d_i = \begin{cases} g_i & \text{if } \mu = 0 \\ b_i & \text{if } \mu > 0 \\
g_i + \mu \, b_i & \text{if } \mu > 0 \text{, Nesterov} \end{cases}$$

$$\theta_i \leftarrow \theta_i - \gamma \, d_i$$

A sparse gradient, as that of `Embedding(sparse=True)`, changes only the rows that it has. Its momentum buffer is sparse too; rows
are added to it and never removed. Weight decay would change all rows, so it raises an error.

## Gradients

A step is not recorded on the tape: it runs under `no_grad` and changes the parameters in place. With `differentiable=True` it is
recorded, in tensor operations. Then a loss after the step has a gradient for the parameter before the step, and for a learning
rate that is a tensor:

$$\frac{\partial L}{\partial \gamma} = - \sum_i \frac{\partial L}{\partial \theta_i} \, d_i$$

## Cost

At most 5 multiplications and 4 additions per element. A step reads $\theta_i$, its gradient and $b_i$ and writes $\theta_i$ and
$b_i$: 20 bytes in float32, or 12 without momentum. So the speed of the memory is the limit. In a small network most of the time
is the overhead of one launch per parameter; `foreach=True` takes eight parameters per launch.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\theta_i$ | `param` | any shape, here as one row | the parameter |
| $\frac{\partial f}{\partial \theta_i}$ | `grad` | as `param` | its gradient, `param.grad` |
| $b_i$ | `buf` | as `param` | its momentum buffer, `state[param]["momentum_buffer"]` |
| $i$ | `i` | $0 \le i < $ `param.size` | element of the parameter |
| $g_i$ | `g` | | the gradient with sign and weight decay |
| $d_i$ | `d` | | direction of the step |
| $\gamma$ | `lr` | $\gamma \ge 0$ | learning rate |
| $\mu$ | `momentum` | $\mu \ge 0$, usually below 1 | how much of the buffer is kept |
| $1 - \tau$ | `undamped` | $\tau$ usually from 0 to 1 | how much of the gradient enters the buffer; $\tau$ is `dampening` |
| $\lambda$ | `weight_decay` | $\lambda \ge 0$ | strength of the pull towards zero |
| $t = 1$ | `first` | yes or no | whether this parameter has no buffer yet |

## Worked example

The loss $4 \theta$ has the slope 4 everywhere. With momentum $1/2$ the buffer is 4, 6, 7, ... towards 8, and with learning
rate $1/2$ the parameter moves by half of it:

>>> import reftorch as torch
>>> theta = torch.tensor([10.0], requires_grad=True)
>>> optimizer = torch.optim.SGD([theta], lr=0.5, momentum=0.5)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (4 * theta).sum().backward()
...     optimizer.step()
...     print(theta.tolist(), optimizer.state[theta]["momentum_buffer"].tolist())
[8.0] [4.0]
[5.0] [6.0]
[1.5] [7.0]

With `foreach` one kernel does all parameters of a group:

>>> phi = torch.tensor([1.0, 2.0], requires_grad=True)
>>> optimizer = torch.optim.SGD([theta, phi], lr=0.5, foreach=True)
>>> optimizer.zero_grad()
>>> (4 * theta.sum() + 2 * phi.sum()).backward()
>>> optimizer.step()
>>> print(theta.tolist(), phi.tolist())
[-0.5] [0.0, 1.0]

## Questions

**How far does a parameter move in the first step, with momentum and without?**

By the learning rate times the gradient in both cases, because the first buffer is the gradient itself.

**To which value does the buffer grow if the gradient stays 4 and the momentum is 1/2?**

To 8, the sum of 4, 2, 1, ...

**What does weight decay do to a parameter whose gradient is 0?**

Without momentum, it multiplies the parameter by $1 - \gamma \lambda$ in each step.

## Differences

- Sutskever et al. (2013) and other frameworks put the learning rate into the buffer, $b \leftarrow \mu b + \gamma g$ and
  $\theta \leftarrow \theta - b$. It is the same until the rate changes: then old gradients keep their old rate.
- Other frameworks start from a buffer of zeros. The first step is then damped too; here it is not.
- Older documentation writes `maximize` as a last line $\theta + \gamma g$. With weight decay that would push parameters away
  from zero. PyTorch negates the gradient at the start, as above, so that the decay still makes parameters smaller.
- A parameter that is listed twice takes two steps, one after the other. In PyTorch the result depends on `foreach` then.
- Gradient and buffer must have the parameter's shape; PyTorch's functional form lets them broadcast. A buffer of another dtype is
  converted when it is used next.
- `fused=True` with a `found_inf` of 1 makes no buffer; PyTorch makes one with arbitrary content.
- `differentiable=True` can be differentiated once, like everything on this tape.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from reftorch.autograd import enable_grad, set_grad_enabled
from reftorch.kernel import PARALLEL, cuda, njit, on, prange
from reftorch.optim.lists import changed, check_lists, is_recording, rows
from reftorch.optim.optimizer import Optimizer
from reftorch.tensor import Tensor

__all__ = ["SGD", "sgd"]


# The compiler must not fuse or reorder operations, because the result would then depend on the position of an element in its row.
# So the step is the same to the last bit in both kernels below, and when they are interpreted. It costs no time, because the
# memory is slower.
EXACT = {**PARALLEL, "fastmath": False}


# ## One step of one parameter
#
# $$g_i = \pm \frac{\partial f}{\partial \theta_i} + \lambda \, \theta_i \qquad
# b_i \leftarrow \mu \, b_i + (1 - \tau) \, g_i \qquad \theta_i \leftarrow \theta_i - \gamma \, d_i$$
#
# The three arrays are rows of equal length, whatever the parameter's shape, and the four rates have their type, so that no
# float64 enters a float32 step. A rate of zero switches its term off: 0 times an infinite parameter would be NaN. Without
# momentum `buf` is not used; the gradient is passed in its place.
@njit(**EXACT)
def sgd_step_cpu(param, grad, buf, lr, momentum, undamped, weight_decay, first, nesterov, maximize):
    for i in prange(param.size):
        g = -grad[i] if maximize else grad[i]
        if weight_decay != 0:
            g += weight_decay * param[i]
        d = g
        if momentum != 0:
            buf[i] = g if first else momentum * buf[i] + undamped * g
            d = g + momentum * buf[i] if nesterov else buf[i]
        param[i] -= lr * d


@cuda.jit
def sgd_step_cuda(param, grad, buf, lr, momentum, undamped, weight_decay, first, nesterov, maximize):
    i = cuda.grid(1)
    if i >= param.size:
        return
    g = -grad[i] if maximize else grad[i]
    if weight_decay != 0:
        g += weight_decay * param[i]
    d = g
    if momentum != 0:
        buf[i] = g if first else momentum * buf[i] + undamped * g
        d = g + momentum * buf[i] if nesterov else buf[i]
    param[i] -= lr * d


# ## One step of several parameters in one launch
#
# The same step, for tuples of rows. On the CPU each thread takes some of the parameters. On CUDA one thread still owns one
# element: the sizes of the parameters are subtracted from the thread's number, one after the other, until it is below the next
# size.
@njit(**EXACT)
def sgd_step_many_cpu(params, grads, bufs, lr, momentum, undamped, weight_decay, first, nesterov, maximize):
    for k in prange(len(params)):
        param, grad, buf = params[k], grads[k], bufs[k]
        for i in range(param.size):
            g = -grad[i] if maximize else grad[i]
            if weight_decay != 0:
                g += weight_decay * param[i]
            d = g
            if momentum != 0:
                buf[i] = g if first else momentum * buf[i] + undamped * g
                d = g + momentum * buf[i] if nesterov else buf[i]
            param[i] -= lr * d


@cuda.jit
def sgd_step_many_cuda(params, grads, bufs, lr, momentum, undamped, weight_decay, first, nesterov, maximize):
    i = cuda.grid(1)
    k = 0
    while k < len(params) and i >= params[k].size:
        i -= params[k].size
        k += 1
    if k == len(params):
        return
    param, grad, buf = params[k], grads[k], bufs[k]
    g = -grad[i] if maximize else grad[i]
    if weight_decay != 0:
        g += weight_decay * param[i]
    d = g
    if momentum != 0:
        buf[i] = g if first else momentum * buf[i] + undamped * g
        d = g + momentum * buf[i] if nesterov else buf[i]
    param[i] -= lr * d


SLOTS = 8  # parameters in one launch; the number is part of the compiled type, so the last launch is filled up with empty arrays


def _step_each(jobs: list, rates: list, nesterov: bool, maximize: bool) -> None:
    """One launch for each of the `jobs` (param, grad, buf, first)."""
    for param, grad, buf, first in jobs:
        new_param, new_buf = param.contiguous(), buf.contiguous()
        run = on(param.device, sgd_step_cpu, sgd_step_cuda, threads=param.numel())
        typed = map(param.dtype.numpy.type, rates)
        run(*rows(new_param, grad, new_buf), *typed, first, nesterov, maximize)
        changed(param, new_param)
        if buf is not grad:
            changed(buf, new_buf)


def _step_together(jobs: list, rates: list, nesterov: bool, maximize: bool) -> None:
    """One launch for each eight of the `jobs` that are of one kind."""
    kinds = defaultdict(list)
    for param, grad, buf, first in jobs:
        kinds[param.device, param.dtype, first].append((param, grad, buf))
    for (device, dtype, first), alike in kinds.items():
        nothing = alike[0][0].new_empty(0)
        typed = list(map(dtype.numpy.type, rates))
        for start in range(0, len(alike), SLOTS):
            batch = alike[start : start + SLOTS]
            new = [(param.contiguous(), grad, buf.contiguous()) for param, grad, buf in batch]
            batch_rows = [rows(*job) for job in new]
            batch_rows += [rows(nothing, nothing, nothing)] * (SLOTS - len(batch))
            threads = sum(param.numel() for param, _, _ in batch)
            run = on(device, sgd_step_many_cpu, sgd_step_many_cuda, threads)
            run(*map(tuple, zip(*batch_rows)), *typed, first, nesterov, maximize)
            for (param, grad, buf), (new_param, _, new_buf) in zip(batch, new):
                changed(param, new_param)
                if buf is not grad:
                    changed(buf, new_buf)


def _step_on_tape(params: list, grads: list, bufs: list, rates: tuple, nesterov: bool, maximize: bool) -> None:
    """The step in tensor operations, recorded on the tape; buffers are replaced, not changed in place."""
    lr, momentum, undamped, weight_decay = rates
    for i, param in enumerate(params):
        g = -grads[i] if maximize else grads[i]
        if weight_decay != 0:
            # the tape keeps the factors, and the parameter is about to change
            g = g + weight_decay * param.clone()
        d = g
        if momentum != 0:
            first = bufs[i] is None
            bufs[i] = g.detach().clone() if first else momentum * bufs[i] + undamped * g
            d = g + momentum * bufs[i] if nesterov else bufs[i]
        param.sub_(lr * d)


def _step_sparse(
    params: list, grads: list, bufs: list, rates: tuple, nesterov: bool, maximize: bool, fused: bool | None
) -> None:
    """The step where some gradients are sparse, in tensor operations: of these parameters only rows with a gradient change.

    The buffer of a sparse gradient is sparse too, and keeps all rows that ever had one.
    """
    if fused:
        raise RuntimeError("`_fused_sgd` does not support sparse gradients: leave out fused")
    lr, momentum, undamped, weight_decay = rates
    for i, param in enumerate(params):
        g = -grads[i] if maximize else grads[i]
        if weight_decay != 0:
            g = g.add(param, alpha=float(weight_decay))  # raises for a sparse gradient: the decay would change all rows
        if momentum != 0:
            bufs[i] = g.clone() if bufs[i] is None else bufs[i].mul_(momentum).add_(g, alpha=undamped)
            g = g.add(bufs[i], alpha=momentum) if nesterov else bufs[i]
        param.add_(g, alpha=-float(lr))


def _prevented(grads: list, grad_scale: Tensor | None, found_inf: Tensor | None) -> bool:
    """Whether `found_inf` forbids the step; if not, the gradients are divided by `grad_scale`."""
    if found_inf is not None and found_inf.item():
        return True
    if grad_scale is not None:
        for grad in grads:
            grad.div_(grad_scale.to(grad.device))
    return False


def sgd(
    params: list[Tensor],
    d_p_list: list[Tensor],
    momentum_buffer_list: list[Tensor | None],
    has_sparse_grad: bool = False,
    foreach: bool | None = None,
    fused: bool | None = None,
    grad_scale: Tensor | None = None,
    found_inf: Tensor | None = None,
    *,
    weight_decay: float | Tensor,
    momentum: float,
    lr: float | Tensor,
    dampening: float,
    nesterov: bool,
    maximize: bool,
) -> None:
    """One step of `params`, in place, along the gradients `d_p_list`: the functional form of `SGD.step`.

    Args:
        momentum_buffer_list: one buffer, or None before the first step, for each parameter; the new ones are put there. It
            may be empty when `momentum` is zero.
        foreach: True for several parameters per launch, False for one; by default True if all parameters are on CUDA.
        fused: the same here, and allows `grad_scale`, by which gradients are divided first (in place), and `found_inf`, which
            prevents the step if it is 1.

    Raises:
        IndexError: the lists have different lengths.
        RuntimeError: a gradient or buffer has another shape, dtype or device than its parameter, the parameter is a leaf that
            requires grad and recording is on, or a sparse gradient is combined with `fused` or `weight_decay`, or a dense
            gradient with a sparse buffer.
        NotImplementedError: a parameter is neither float32 nor float64.
    """
    if foreach is None and fused is None:
        foreach = all(param.device.type == "cuda" for param in params)
    if fused and not foreach:
        if _prevented(d_p_list, grad_scale, found_inf):
            return
    elif grad_scale is not None or found_inf is not None:
        raise AssertionError("Expected grad_scale and found_inf to be None: only fused uses them")
    bufs = momentum_buffer_list
    check_lists(params, gradients=d_p_list, **({"momentum_buffers": bufs} if momentum != 0 else {}))
    rates = (lr, momentum, 1 - dampening, weight_decay)
    if has_sparse_grad or any([each is not None and each.is_sparse for each in (*d_p_list, *bufs)]):
        return _step_sparse(params, d_p_list, bufs, rates, nesterov, maximize, fused)
    if is_recording(*params, *d_p_list, *bufs, lr, weight_decay):
        return _step_on_tape(params, d_p_list, bufs, rates, nesterov, maximize)
    jobs = []
    for i, (param, grad) in enumerate(zip(params, d_p_list)):
        first = momentum != 0 and bufs[i] is None
        if first:
            bufs[i] = param.new_empty(param.shape)
        if param.numel() > 0:
            jobs.append((param, grad, bufs[i] if momentum != 0 else grad, first))
    # a parameter that is listed twice takes two steps, one after the other
    together = (foreach or fused) and len(set(params)) == len(params)
    numbers = [float(lr), float(momentum), float(1 - dampening), float(weight_decay)]
    step = _step_together if together else _step_each
    step(jobs, numbers, bool(nesterov), bool(maximize))


class SGD(Optimizer):
    """Stochastic gradient descent with optional momentum, in place and for any number of parameters.

    Args:
        params: tensors, (name, tensor) pairs or group dicts; a group may set each of the options below for itself.
        lr: learning rate, a number or a tensor with one element.
        momentum: how much of the previous direction is kept, from 0 (no buffer) to below 1.
        dampening: the part of the gradient that does not enter the buffer, from the second step on.
        weight_decay: this number times the parameter is added to its gradient (an L2 penalty of half of it).
        nesterov: add one more step of momentum; needs momentum and no dampening.
        maximize: maximize the objective instead of minimizing it.
        foreach: several parameters per launch; by default for parameters on CUDA. The result is the same.
        differentiable: record the step on the tape. Parameters that require grad may then not be leaves.
        fused: as `foreach`; excludes `foreach` and `differentiable`.

    Raises:
        ValueError: `lr`, `momentum` or `weight_decay` is negative, or `nesterov` lacks momentum or has dampening.
        RuntimeError: `fused` together with `foreach` or `differentiable`.
        TypeError, ValueError: wrong `params`; see `Optimizer`.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(f"Tensor lr must be 1-element, but has shape {list(lr.shape)}")
        for what, value in (
            ("learning rate", lr),
            ("momentum value", momentum),
            ("weight_decay value", weight_decay),
        ):
            if value < 0.0:
                raise ValueError(f"Invalid {what}: {value}: it must not be negative")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening, "
                f"but momentum is {momentum} and dampening {dampening}"
            )
        options: dict[str, Any] = dict(lr=lr, momentum=momentum, dampening=dampening)
        options |= dict(weight_decay=weight_decay, nesterov=nesterov, maximize=maximize)
        options |= dict(foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(params, options)
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        later = dict(nesterov=False, maximize=False, foreach=None, differentiable=False, fused=False)
        for group in self.param_groups:  # saved before these options existed
            for name, default in later.items():
                group.setdefault(name, default)

    def step(self, closure: Any = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: computes the loss again and returns it; called once, with recording on, before the step.

        Returns:
            What `closure` returned, or None.
        """
        loss = None
        with set_grad_enabled(self.defaults["differentiable"]):
            if closure is not None:
                with enable_grad():
                    loss = closure()
            for group in self.param_groups:
                params = [param for param in group["params"] if param.grad is not None]
                bufs: list[Tensor | None] = []
                if group["momentum"] != 0:
                    bufs = [self.state[param].get("momentum_buffer") for param in params]
                names = ("weight_decay", "momentum", "lr", "dampening", "nesterov", "maximize")
                sgd(
                    params,
                    [param.grad for param in params],
                    bufs,
                    foreach=group["foreach"],
                    fused=group["fused"],
                    grad_scale=getattr(self, "grad_scale", None),
                    found_inf=getattr(self, "found_inf", None),
                    **{name: group[name] for name in names},
                )
                for param, buf in zip(params, bufs):
                    self.state[param]["momentum_buffer"] = buf
        return loss
