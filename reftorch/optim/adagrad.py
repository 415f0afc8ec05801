r"""Adagrad: each element of a parameter takes its gradient divided by the root of the sum of all past squared gradients.

Elements that have rarely had a gradient take long steps, and all steps become shorter with time.

Use it when many gradients are zero most of the time, as those of rows of an embedding; `RMSprop` and `Adam` forget old gradients,
so their steps do not shrink to zero.

## Forward

$i$ counts the elements, $t$ the steps of the parameter. The sum $s_i$ of the squared gradients $g_i$, and a step along
$g_i / \sqrt{s_i}$:

$$g_i = \pm \frac{\partial f}{\partial \theta_i} + \lambda \, \theta_i \qquad s_i \leftarrow s_i + g_i^2 \qquad
\text{minus for } \texttt{maximize}$$

$$\theta_i \leftarrow \theta_i - \eta \, \frac{g_i}{\sqrt{s_i} + \varepsilon} \qquad \eta = \frac{\gamma}{1 + (t - 1) \, \delta}$$

with the learning rate $\gamma$ and its decay $\delta$.

A sparse gradient, as that of `Embedding(sparse=True)`, changes only the rows that it has; the sums of the others stay as they are.

## Gradients

A step runs under `no_grad` and changes the parameters in place. With `differentiable=True` it is recorded in tensor operations.

## Cost

About 5 operations and a root for each element; 20 bytes in float32.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\theta_i$ | `param` | any shape, here as one row | the parameter |
| $\frac{\partial f}{\partial \theta_i}$ | `grad` | as `param` | its gradient, `param.grad` |
| $s_i$ | `total` | as `param` | sum of all squared gradients, `state[param]["sum"]` |
| $i$ | `i` | $0 \le i < $ `param.size` | element of the parameter |
| $g_i$ | `g` | | the gradient with sign and weight decay |
| $\eta$ | `size` | $\eta \ge 0$ | learning rate, decayed |
| $\varepsilon$ | `eps` | $\varepsilon \ge 0$ | keeps the divisor above 0 |
| $\lambda$ | `weight_decay` | $\lambda \ge 0$ | strength of the pull towards zero |

## Worked example

The loss $4 \theta$ has the slope 4 everywhere, and the sum is 16, 32, 48, ... The steps are the learning rate times
$1, 1 / \sqrt 2, 1 / \sqrt 3$:

>>> import reftorch as torch
>>> theta = torch.tensor([10.0], requires_grad=True)
>>> optimizer = torch.optim.Adagrad([theta], lr=1.0)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (4 * theta).sum().backward()
...     optimizer.step()
...     print(f"{theta.item():.3f}", optimizer.state[theta]["sum"].item())
9.000 16.0
8.293 32.0
7.716 48.0

## Questions

**Does the size of the gradient matter?**

No: twice the slope doubles the gradient and the root of the sum.

**How far does it get with a constant slope?**

Arbitrarily far, but slowly: $1 + 1/\sqrt 2 + 1/\sqrt 3 + \dots$ grows like $2 \sqrt t$.

**What does `initial_accumulator_value` change?**

It is the initial value of the sum, so the first steps are shorter than the learning rate.

## Differences

- `foreach` and `fused` are accepted and change nothing: each parameter is one launch.
- There is no functional form.
"""

from __future__ import annotations

import math
from typing import Any

from reftorch.kernel import cuda, njit, prange
from reftorch.ops import tensor
from reftorch.optim.adaptive import IN_ORDER, Adaptive, check_not_negative, check_rate, launch
from reftorch.tensor import Tensor

__all__ = ["Adagrad"]


# ## One step of one parameter
#
# $$s_i \leftarrow s_i + g_i^2 \qquad \theta_i \leftarrow \theta_i - \eta \, \frac{g_i}{\sqrt{s_i} + \varepsilon}$$
@njit(**IN_ORDER)
def adagrad_step_cpu(param, grad, total, size, eps, weight_decay, maximize):
    for i in prange(param.size):
        g = -grad[i] if maximize else grad[i]
        if weight_decay != 0:
            g += weight_decay * param[i]
        total[i] += g * g
        param[i] -= size * g / (math.sqrt(total[i]) + eps)


@cuda.jit
def adagrad_step_cuda(param, grad, total, size, eps, weight_decay, maximize):
    i = cuda.grid(1)
    if i >= param.size:
        return
    g = -grad[i] if maximize else grad[i]
    if weight_decay != 0:
        g += weight_decay * param[i]
    total[i] += g * g
    param[i] -= size * g / (math.sqrt(total[i]) + eps)


def _step_of_rows(group: dict, param: Tensor, grad: Any, total: Tensor, size: Any) -> None:
    """The step along a sparse gradient: the same formula, for the rows that it has."""
    grad = grad.coalesce()  # the step is not linear in the gradient: each row must occur once
    at = tuple(grad.indices())
    row, row_total = param.detach()[at], total[at]
    numbers = (size, group["eps"], 0.0)
    launch(adagrad_step_cpu, adagrad_step_cuda, (row, grad.values(), row_total), numbers, bool(group["maximize"]))
    param.index_put_(at, row)
    total.index_put_(at, row_total)


def _step_on_tape(group: dict, param: Tensor, grad: Tensor, state: dict[str, Any], size: Any) -> None:
    """The step in tensor operations, recorded on the tape; the state is replaced, not changed in place."""
    g = -grad if group["maximize"] else grad
    if group["weight_decay"] != 0:
        g = g + group["weight_decay"] * param.clone()
    state["sum"] = state["sum"] + g * g
    param.sub_(size * g / (state["sum"].sqrt() + group["eps"]))


class Adagrad(Adaptive):
    """Adagrad, in place and for any number of parameters.

    Args:
        params: tensors, (name, tensor) pairs or group dicts; a group may set each of the options below for itself.
        lr: learning rate, a number or a tensor with one element.
        lr_decay: the learning rate is divided by 1 + (step - 1) * lr_decay.
        weight_decay: this number times the parameter is added to its gradient.
        initial_accumulator_value: initial value of the sums of squares.
        eps: keeps the divisor above 0.
        foreach, fused: accepted, without effect on the result.
        maximize: maximize the objective instead of minimizing it.
        differentiable: record the step on the tape.

    Raises:
        ValueError: an option is negative, or `lr` is a tensor with more than one element.
        RuntimeError: `fused` together with `foreach` or `differentiable`; in a step: a sparse gradient with `fused` or
            `weight_decay`.
        TypeError, ValueError: wrong `params`; see `Optimizer`.
    """

    _later = dict(foreach=None, maximize=False, differentiable=False, fused=None)

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        check_not_negative(lr_decay__value=lr_decay, weight_decay__value=weight_decay, epsilon__value=eps)
        check_not_negative(initial_accumulator_value__value=initial_accumulator_value)
        options: dict[str, Any] = dict(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay)
        options |= dict(initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize)
        super().__init__(params, options | dict(differentiable=differentiable, fused=fused))
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param].update(step=tensor(0.0), **self._begin(group, param))

    def _begin(self, group: dict, param: Tensor) -> dict[str, Tensor]:
        return {"sum": param.new_full(param.shape, self.defaults["initial_accumulator_value"])}

    def _check_sparse(self, group: dict, grad: Tensor) -> None:
        if group["fused"]:
            raise RuntimeError("`fused` does not support sparse grad or complex param: leave out fused")
        if group["weight_decay"] != 0:
            raise RuntimeError(
                "weight_decay option is not compatible with sparse gradients: it would change all rows of the parameter"
            )

    def _change(self, group: dict, param: Tensor, grad: Tensor, state: dict[str, Any], t: float) -> None:
        size = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        if grad.is_sparse:
            return _step_of_rows(group, param, grad, state["sum"], size)
        if group["differentiable"]:
            return _step_on_tape(group, param, grad, state, size)
        numbers = (size, group["eps"], group["weight_decay"])
        launch(adagrad_step_cpu, adagrad_step_cuda, (param, grad, state["sum"]), numbers, bool(group["maximize"]))
