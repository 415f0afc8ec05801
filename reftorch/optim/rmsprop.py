r"""RMSprop: each element of a parameter takes its gradient divided by the root of the mean of past squared gradients.

So elements with large and with small gradients move about equally fast. It is Adam without the mean of the gradient itself.

Use it when gradients have very different sizes and an average of the gradient would be a disadvantage, as in reinforcement
learning; `Adam` also averages the gradient.

## Forward

$i$ counts the elements. Without options: the running mean $v_i$ of the squared gradient $g_i$, and a step along $g_i / \sqrt{v_i}$. In
full:

$$g_i = \pm \frac{\partial f}{\partial \theta_i} + \lambda \, \theta_i \qquad
v_i \leftarrow \alpha \, v_i + (1 - \alpha) \, g_i^2 \qquad \text{minus for } \texttt{maximize}$$

With `centered` the square of the mean gradient $m_i$ is subtracted, which gives the variance:

$$m_i \leftarrow m_i + (1 - \alpha) \, (g_i - m_i) \qquad s_i = \begin{cases} v_i - m_i^2 & \text{centered} \\ v_i & \text{otherwise}
\end{cases}$$

$$d_i = \frac{g_i}{\sqrt{s_i} + \varepsilon} \qquad \theta_i \leftarrow \theta_i - \gamma \, d_i$$

With momentum the step is along the buffer $b_i \leftarrow \mu \, b_i + d_i$ instead of $d_i$.

## Gradients

A step runs under `no_grad` and changes the parameters in place. With `differentiable=True` it is recorded in tensor operations.

## Cost

About 7 operations and a root for each element; 20 bytes in float32, 8 more for each of `centered` and momentum.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\theta_i$ | `param` | any shape, here as one row | the parameter |
| $\frac{\partial f}{\partial \theta_i}$ | `grad` | as `param` | its gradient, `param.grad` |
| $v_i$ | `square_avg` | as `param` | running mean of the squared gradient |
| $m_i$ | `grad_avg` | as `param` | running mean of the gradient, for `centered` |
| $b_i$ | `buf` | as `param` | momentum buffer |
| $i$ | `i` | $0 \le i < $ `param.size` | element of the parameter |
| $g_i$ | `g` | | the gradient with sign and weight decay |
| $s_i$ | `s` | | mean square, or variance |
| $d_i$ | `d` | | direction of the step |
| $\gamma$ | `lr` | $\gamma \ge 0$ | learning rate |
| $\alpha$ | `alpha` | from 0 to 1 | how much of the means is kept |
| $1 - \alpha$ | `new` | from 0 to 1 | how much of the gradient enters them |
| $\varepsilon$ | `eps` | $\varepsilon \ge 0$ | keeps the divisor above 0 |
| $\lambda$ | `weight_decay` | $\lambda \ge 0$ | strength of the pull towards zero |
| $\mu$ | `momentum` | $\mu \ge 0$ | how much of the buffer is kept |

## Worked example

The loss $4 \theta$ has the slope 4 everywhere. With $\alpha = 3/4$ the mean square is 4, 7, 9.25, ... towards 16, so the first steps
are too long: $4 / \sqrt{4} = 2$ times the learning rate, then $4 / \sqrt{7}$:

>>> import reftorch as torch
>>> theta = torch.tensor([10.0], requires_grad=True)
>>> optimizer = torch.optim.RMSprop([theta], lr=0.5, alpha=0.75)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (4 * theta).sum().backward()
...     optimizer.step()
...     print(f"{theta.item():.3f}", optimizer.state[theta]["square_avg"].item())
9.000 4.0
8.244 7.0
7.586 9.25

## Questions

**Why are the first steps so long?**

The mean begins at 0 and, unlike in `Adam`, is not corrected for it. With the usual $\alpha = 0.99$ the first step is ten learning
rates.

**What does centered change?**

If all gradients agree their variance is small, and the steps become long; the example with `centered` divides by the root of
$v - m^2 = 4 - 1 = 3$ at first.

**What is `alpha` in other frameworks?**

`rho` or `decay`, often 0.9. Compare it before you compare results.

## Differences

- `foreach` is accepted and changes nothing: each parameter is one launch.
- There is no functional form.
"""

from __future__ import annotations

import math
from typing import Any

from reftorch import fast
from reftorch.kernel import cuda, njit, prange
from reftorch.optim.adaptive import IN_ORDER, Adaptive, check_not_negative, check_rate, launch
from reftorch.tensor import Tensor

__all__ = ["RMSprop"]


# ## One step of one parameter
#
# $$v_i \leftarrow \alpha \, v_i + (1 - \alpha) \, g_i^2 \qquad d_i = \frac{g_i}{\sqrt{s_i} + \varepsilon} \qquad
# \theta_i \leftarrow \theta_i - \gamma \, d_i$$
#
# `grad_avg` and `buf` are not used without `centered` and momentum; `square_avg` is passed in their place.
@njit(**IN_ORDER)
def rmsprop_step_cpu(
    param, grad, square_avg, grad_avg, buf, lr, alpha, new, eps, weight_decay, momentum, centered, maximize
):
    for i in prange(param.size):
        g = -grad[i] if maximize else grad[i]
        if weight_decay != 0:
            g += weight_decay * param[i]
        square_avg[i] = alpha * square_avg[i] + new * g * g
        s = square_avg[i]
        if centered:
            grad_avg[i] += new * (g - grad_avg[i])
            s -= grad_avg[i] * grad_avg[i]
        d = g / (math.sqrt(s) + eps)
        if momentum > 0:
            buf[i] = momentum * buf[i] + d
            d = buf[i]
        param[i] -= lr * d


@cuda.jit
def rmsprop_step_cuda(
    param, grad, square_avg, grad_avg, buf, lr, alpha, new, eps, weight_decay, momentum, centered, maximize
):
    i = cuda.grid(1)
    if i >= param.size:
        return
    g = -grad[i] if maximize else grad[i]
    if weight_decay != 0:
        g += weight_decay * param[i]
    square_avg[i] = alpha * square_avg[i] + new * g * g
    s = square_avg[i]
    if centered:
        grad_avg[i] += new * (g - grad_avg[i])
        s -= grad_avg[i] * grad_avg[i]
    d = g / (math.sqrt(s) + eps)
    if momentum > 0:
        buf[i] = momentum * buf[i] + d
        d = buf[i]
    param[i] -= lr * d


def _step_on_tape(group: dict, param: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
    """The step in tensor operations, recorded on the tape; the state is replaced, not changed in place."""
    alpha, momentum = group["alpha"], group["momentum"]
    g = -grad if group["maximize"] else grad
    if group["weight_decay"] != 0:
        g = g + group["weight_decay"] * param.clone()
    s = state["square_avg"] = alpha * state["square_avg"] + (1 - alpha) * g * g
    if group["centered"]:
        m = state["grad_avg"] = state["grad_avg"] + (1 - alpha) * (g - state["grad_avg"])
        s = s - m * m
    d = g / (s.sqrt() + group["eps"])
    if momentum > 0:
        d = state["momentum_buffer"] = momentum * state["momentum_buffer"] + d
    param.sub_(group["lr"] * d)


class RMSprop(Adaptive):
    """RMSprop, in place and for any number of parameters.

    Args:
        params: tensors, (name, tensor) pairs or group dicts; a group may set each of the options below for itself.
        lr: learning rate, a number or a tensor with one element.
        alpha: how much of the running means is kept.
        eps: keeps the divisor above 0.
        weight_decay: this number times the parameter is added to its gradient.
        momentum: how much of the previous direction is kept.
        centered: divide by the root of the variance of the gradient, not of its mean square.
        capturable: only for parameters on a GPU.
        foreach: accepted, without effect on the result.
        maximize: maximize the objective instead of minimizing it.
        differentiable: record the step on the tape.

    Raises:
        ValueError: an option is negative, or `lr` is a tensor with more than one element.
        TypeError, ValueError: wrong `params`; see `Optimizer`.
    """

    _later = dict(momentum=0, centered=False, foreach=None, maximize=False, differentiable=False, capturable=False)

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        check_not_negative(
            epsilon__value=eps, momentum__value=momentum, weight_decay__value=weight_decay, alpha__value=alpha
        )
        options: dict[str, Any] = dict(lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered)
        options |= dict(weight_decay=weight_decay, capturable=capturable, foreach=foreach, maximize=maximize)
        super().__init__(params, options | dict(differentiable=differentiable))

    def _begin(self, group: dict, param: Tensor) -> dict[str, Tensor]:
        names = ["square_avg"] + ["momentum_buffer"] * (group["momentum"] > 0) + ["grad_avg"] * group["centered"]
        return {name: param.new_zeros(param.shape) for name in names}

    def _change(self, group: dict, param: Tensor, grad: Tensor, state: dict[str, Any], t: float) -> None:
        if group["differentiable"]:
            return _step_on_tape(group, param, grad, state)
        square_avg, alpha = state["square_avg"], group["alpha"]
        grad_avg = state["grad_avg"] if group["centered"] else square_avg
        buf = state["momentum_buffer"] if group["momentum"] > 0 else square_avg
        numbers = (group["lr"], alpha, 1 - alpha, group["eps"], group["weight_decay"], group["momentum"])
        flags = bool(group["centered"]), bool(group["maximize"])
        tensors = param, grad, square_avg, grad_avg, buf
        launch(rmsprop_step_cpu, rmsprop_step_cuda, tensors, numbers, *flags, fast=fast.rmsprop_step)
