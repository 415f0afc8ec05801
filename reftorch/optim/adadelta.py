r"""Adadelta: the size of each element's step follows from its own past steps, and not from a learning rate.

The gradient is divided by the root of the mean of past squared gradients, and multiplied by the root of the mean of past squared steps.

Use it when no learning rate is known; it starts slowly, and `Adam` is the usual choice today.

## Forward

$i$ counts the elements. The running means $v_i$ of the squared gradient $g_i$ and $u_i$ of the squared step $d_i$:

$$g_i = \pm \frac{\partial f}{\partial \theta_i} + \lambda \, \theta_i \qquad
v_i \leftarrow \rho \, v_i + (1 - \rho) \, g_i^2 \qquad \text{minus for } \texttt{maximize}$$

$$d_i = \sqrt{\frac{u_i + \varepsilon}{v_i + \varepsilon}} \; g_i \qquad u_i \leftarrow \rho \, u_i + (1 - \rho) \, d_i^2 \qquad
\theta_i \leftarrow \theta_i - \gamma \, d_i$$

The root has the unit of a step divided by that of a gradient, so $d_i$ has the unit of $\theta_i$: that is the idea of the method.

## Gradients

A step runs under `no_grad` and changes the parameters in place. With `differentiable=True` it is recorded in tensor operations.

## Cost

About 11 operations and two roots for each element; 28 bytes in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\theta_i$ | `param` | any shape, here as one row | the parameter |
| $\frac{\partial f}{\partial \theta_i}$ | `grad` | as `param` | its gradient, `param.grad` |
| $v_i$ | `square_avg` | as `param` | running mean of the squared gradient |
| $u_i$ | `acc_delta` | as `param` | running mean of the squared step |
| $i$ | `i` | $0 \le i < $ `param.size` | element of the parameter |
| $g_i$ | `g` | | the gradient with sign and weight decay |
| $d_i$ | `d` | | the step |
| $\gamma$ | `lr` | $\gamma \ge 0$, usually 1 | factor of all steps |
| $\rho$ | `rho` | from 0 to 1 | how much of the means is kept |
| $1 - \rho$ | `new` | from 0 to 1 | how much of the new square enters them |
| $\varepsilon$ | `eps` | $\varepsilon \ge 0$ | keeps the divisor above 0 and sets the size of the first step |
| $\lambda$ | `weight_decay` | $\lambda \ge 0$ | strength of the pull towards zero |

## Worked example

The loss $4 \theta$ has the slope 4 everywhere. There are no past steps at first, so the first one has the size of $\sqrt \varepsilon$, here
$4 \cdot \sqrt{1 / (8 + 1)} = 4/3$; then they grow:

>>> import reftorch as torch
>>> theta = torch.tensor([10.0], requires_grad=True)
>>> optimizer = torch.optim.Adadelta([theta], rho=0.5, eps=1.0)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (4 * theta).sum().backward()
...     optimizer.step()
...     print(f"{theta.item():.3f}", optimizer.state[theta]["square_avg"].item())
8.667 8.0
7.142 12.0
5.474 14.0

## Questions

**How long is the first step with the usual options?**

The root of $\varepsilon$ is 0.001 and that of $v$ is $0.3 \, |g|$, so it is 0.003 long, whatever the gradient is.

**Does the size of the loss matter?**

Hardly: the gradient and the root of $v$ grow by the same factor.

**What is `lr` for?**

The method as published has none, which is `lr=1`. A schedule uses it.

## Differences

- `foreach` is accepted and changes nothing: each parameter is one launch.
- There is no functional form.
"""

from __future__ import annotations

import math
from typing import Any

from reftorch.kernel import cuda, njit, prange
from reftorch.optim.adaptive import IN_ORDER, Adaptive, check_not_negative, check_rate, launch
from reftorch.tensor import Tensor

__all__ = ["Adadelta"]


# ## One step of one parameter
#
# $$d_i = \sqrt{\frac{u_i + \varepsilon}{v_i + \varepsilon}} \; g_i \qquad \theta_i \leftarrow \theta_i - \gamma \, d_i$$
@njit(**IN_ORDER)
def adadelta_step_cpu(param, grad, square_avg, acc_delta, lr, rho, new, eps, weight_decay, maximize):
    for i in prange(param.size):
        g = -grad[i] if maximize else grad[i]
        if weight_decay != 0:
            g += weight_decay * param[i]
        square_avg[i] = rho * square_avg[i] + new * g * g
        d = math.sqrt(acc_delta[i] + eps) / math.sqrt(square_avg[i] + eps) * g
        acc_delta[i] = rho * acc_delta[i] + new * d * d
        param[i] -= lr * d


@cuda.jit
def adadelta_step_cuda(param, grad, square_avg, acc_delta, lr, rho, new, eps, weight_decay, maximize):
    i = cuda.grid(1)
    if i >= param.size:
        return
    g = -grad[i] if maximize else grad[i]
    if weight_decay != 0:
        g += weight_decay * param[i]
    square_avg[i] = rho * square_avg[i] + new * g * g
    d = math.sqrt(acc_delta[i] + eps) / math.sqrt(square_avg[i] + eps) * g
    acc_delta[i] = rho * acc_delta[i] + new * d * d
    param[i] -= lr * d


def _step_on_tape(group: dict, param: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
    """The step in tensor operations, recorded on the tape; the state is replaced, not changed in place."""
    rho, eps = group["rho"], group["eps"]
    g = -grad if group["maximize"] else grad
    if group["weight_decay"] != 0:
        g = g + group["weight_decay"] * param.clone()
    state["square_avg"] = rho * state["square_avg"] + (1 - rho) * g * g
    d = (state["acc_delta"] + eps).sqrt() / (state["square_avg"] + eps).sqrt() * g
    state["acc_delta"] = rho * state["acc_delta"] + (1 - rho) * d * d
    param.sub_(group["lr"] * d)


class Adadelta(Adaptive):
    """Adadelta, in place and for any number of parameters.

    Args:
        params: tensors, (name, tensor) pairs or group dicts; a group may set each of the options below for itself.
        lr: factor of all steps, a number or a tensor with one element.
        rho: how much of the running means is kept.
        eps: keeps the divisor above 0, and sets the size of the first step.
        weight_decay: this number times the parameter is added to its gradient.
        foreach: accepted, without effect on the result.
        capturable: only for parameters on a GPU.
        maximize: maximize the objective instead of minimizing it.
        differentiable: record the step on the tape.

    Raises:
        ValueError: an option is negative, `rho` is above 1, or `lr` is a tensor with more than one element.
        TypeError, ValueError: wrong `params`; see `Optimizer`.
    """

    _later = dict(foreach=None, maximize=False, differentiable=False, capturable=False)

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}: it must be from 0 to 1")
        check_not_negative(epsilon__value=eps, weight_decay__value=weight_decay)
        options: dict[str, Any] = dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)
        super().__init__(params, options | dict(capturable=capturable, foreach=foreach, differentiable=differentiable))

    def _begin(self, group: dict, param: Tensor) -> dict[str, Tensor]:
        return {name: param.new_zeros(param.shape) for name in ("square_avg", "acc_delta")}

    def _change(self, group: dict, param: Tensor, grad: Tensor, state: dict[str, Any], t: float) -> None:
        if group["differentiable"]:
            return _step_on_tape(group, param, grad, state)
        numbers = (group["lr"], group["rho"], 1 - group["rho"], group["eps"], group["weight_decay"])
        tensors = (param, grad, state["square_avg"], state["acc_delta"])
        launch(adadelta_step_cpu, adadelta_step_cuda, tensors, numbers, bool(group["maximize"]))
