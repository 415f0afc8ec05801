r"""Adam: each element of a parameter takes steps of about the learning rate, however large its gradient is.

It keeps two running means for each element, one of the gradient and one of its square, and divides the first by the root of the second. So
a step is about as long as the learning rate if the gradient stays the same from step to step, and shorter if its sign changes.

Use it when gradients of different layers have very different sizes, as in Transformers and recurrent networks; `AdamW` is the same with a
better weight decay, and `SGD` with momentum needs less memory.

## Forward

$i$ is the number of an element of the parameter $\theta$. The running mean of its gradients $g_i$ is $m_i$, and the running mean of
$g_i^2$ is $v_i$. With the learning rate $\gamma$ a step is almost this:

$$\theta_i \leftarrow \theta_i - \gamma \, \frac{m_i}{\sqrt{v_i}}$$

Only almost, because both means begin at 0 and are too small at first: after $t$ steps with the same gradient $m_i$ is
$(1 - \beta_1^t) \, g_i$, and $v_i$ is $(1 - \beta_2^t) \, g_i^2$. So Adam divides them by these factors. $\eta$ and $\rho$ below contain the two
divisions. $\varepsilon$ keeps the divisor above 0. With all of this, and with weight decay $\lambda$, a step is:

$$g_i = \pm \frac{\partial f}{\partial \theta_i} + \lambda \, \theta_i \qquad \text{minus for } \texttt{maximize}$$

$$m_i \leftarrow m_i + (1 - \beta_1) \, (g_i - m_i) \qquad v_i \leftarrow \beta_2 \, v_i + (1 - \beta_2) \, g_i^2$$

$$\theta_i \leftarrow \theta_i - \eta \, \frac{m_i}{\sqrt{v_i} / \rho + \varepsilon}
\qquad \eta = \frac{\gamma}{1 - \beta_1^t} \qquad \rho = \sqrt{1 - \beta_2^t}$$

With `amsgrad` the largest $v_i$ of all steps, $\hat v_i \leftarrow \max(\hat v_i, v_i)$, replaces $v_i$. With
`decoupled_weight_decay` the gradient has no decay, and $\theta_i$ is multiplied by $\kappa = 1 - \gamma \lambda$ before the step;
otherwise $\kappa = 1$.

## Gradients

A step runs under `no_grad` and changes the parameters in place. With `differentiable=True` it is recorded in tensor operations.

## Cost

About 12 operations and a root for each element. It reads $\theta_i$, its gradient, $m_i$ and $v_i$ and writes three of them: 28
bytes in float32. The state has twice the size of the parameters.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\theta_i$ | `param` | any shape, here as one row | the parameter |
| $\frac{\partial f}{\partial \theta_i}$ | `grad` | as `param` | its gradient, `param.grad` |
| $m_i$ | `exp_avg` | as `param` | running mean of the gradient |
| $v_i$ | `exp_avg_sq` | as `param` | running mean of its square |
| $\hat v_i$ | `max_exp_avg_sq` | as `param` | the largest $v_i$ so far, for `amsgrad` |
| $i$ | `i` | $0 \le i < $ `param.size` | element of the parameter |
| $g_i$ | `g` | | the gradient with sign and weight decay |
| $\eta$ | `size` | $\eta \ge 0$ | learning rate $\gamma$, corrected for the first steps |
| $1 - \beta_1$ | `new1` | from 0 to 1 | how much of the gradient enters $m_i$ |
| $\beta_2$ | `beta2` | $0 \le \beta_2 < 1$ | how much of $v_i$ is kept |
| $1 - \beta_2$ | `new2` | from 0 to 1 | how much of the squared gradient enters $v_i$ |
| $\rho$ | `root` | from 0 to 1 | correction of $\sqrt{v_i}$ for the first steps |
| $\varepsilon$ | `eps` | $\varepsilon \ge 0$ | keeps the divisor above 0 |
| $\lambda$ | `weight_decay` | $\lambda \ge 0$ | strength of the pull towards zero |
| $\kappa$ | `keep` | usually just below 1 | factor of the parameter in decoupled weight decay |

## Worked example

The loss $4 \theta$ has the slope 4 everywhere, so $m / (1 - \beta_1^t)$ is 4 and $v / (1 - \beta_2^t)$ is 16. Each step is the
learning rate times $4 / \sqrt{16} = 1$:

>>> import reftorch as torch
>>> theta = torch.tensor([10.0], requires_grad=True)
>>> optimizer = torch.optim.Adam([theta], lr=0.5, betas=(0.5, 0.75))
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (4 * theta).sum().backward()
...     optimizer.step()
...     print(f"{theta.item():.4f}", optimizer.state[theta]["exp_avg"].item(), optimizer.state[theta]["exp_avg_sq"].item())
9.5000 2.0 4.0
9.0000 3.0 7.0
8.5000 3.5 9.25

## Questions

**What changes if the loss is multiplied by 1000?**

Only the influence of $\varepsilon$: $m$ and the root of $v$ grow by the same factor.

**Why are the means corrected?**

They begin at 0. After one step $m$ is only $(1 - \beta_1) g$, a tenth of the gradient with the usual $\beta_1 = 0.9$, and the root of $v$
is a thirtieth of it with $\beta_2 = 0.999$. Without the correction the first steps would be three times too long.

**Why is weight decay weak here?**

It is part of the gradient, and so it is divided by $\sqrt{v_i}$ too: elements with large gradients hardly decay. In `AdamW` all
elements decay by the same factor.

## Differences

- `foreach` and `fused` are accepted and change nothing: each parameter is one launch.
- There is no functional form.
"""

from __future__ import annotations

import math
from typing import Any

from reftorch.kernel import cuda, njit, prange
from reftorch.ops import maximum
from reftorch.optim.adaptive import IN_ORDER, Adaptive, check_not_negative, check_rate, launch
from reftorch.tensor import Tensor

__all__ = ["Adam"]


# ## One step of one parameter
#
# $$m_i \leftarrow m_i + (1 - \beta_1) \, (g_i - m_i) \qquad v_i \leftarrow \beta_2 \, v_i + (1 - \beta_2) \, g_i^2 \qquad
# \theta_i \leftarrow \kappa \, \theta_i - \eta \, \frac{m_i}{\sqrt{v_i} / \rho + \varepsilon}$$
#
# Without `amsgrad`, `max_exp_avg_sq` is `exp_avg_sq` itself and is not touched. A comparison with NaN is false, so a NaN is written.
@njit(**IN_ORDER)
def adam_step_cpu(
    param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq,
    size, new1, beta2, new2, root, eps, weight_decay, keep, amsgrad, maximize,
):  # fmt: skip
    for i in prange(param.size):
        g = -grad[i] if maximize else grad[i]
        if weight_decay != 0:
            g += weight_decay * param[i]
        exp_avg[i] += new1 * (g - exp_avg[i])
        exp_avg_sq[i] = beta2 * exp_avg_sq[i] + new2 * g * g
        v = exp_avg_sq[i]
        if amsgrad:
            if not max_exp_avg_sq[i] >= v:
                max_exp_avg_sq[i] = v
            v = max_exp_avg_sq[i]
        param[i] = keep * param[i] - size * exp_avg[i] / (math.sqrt(v) / root + eps)


@cuda.jit
def adam_step_cuda(
    param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq,
    size, new1, beta2, new2, root, eps, weight_decay, keep, amsgrad, maximize,
):  # fmt: skip
    i = cuda.grid(1)
    if i >= param.size:
        return
    g = -grad[i] if maximize else grad[i]
    if weight_decay != 0:
        g += weight_decay * param[i]
    exp_avg[i] += new1 * (g - exp_avg[i])
    exp_avg_sq[i] = beta2 * exp_avg_sq[i] + new2 * g * g
    v = exp_avg_sq[i]
    if amsgrad:
        if not max_exp_avg_sq[i] >= v:
            max_exp_avg_sq[i] = v
        v = max_exp_avg_sq[i]
    param[i] = keep * param[i] - size * exp_avg[i] / (math.sqrt(v) / root + eps)


def _step_on_tape(group: dict, param: Tensor, grad: Tensor, state: dict[str, Any], size: Any, root: Any) -> None:
    """The step in tensor operations, recorded on the tape; the state is replaced, not changed in place."""
    beta1, beta2 = group["betas"]
    before = param.clone()  # the tape keeps the factors, and the parameter is about to change
    g = -grad if group["maximize"] else grad
    keep = 1
    if group["decoupled_weight_decay"]:
        keep = 1 - group["lr"] * group["weight_decay"]
    elif group["weight_decay"] != 0:
        g = g + group["weight_decay"] * before
    state["exp_avg"] = state["exp_avg"] + (1 - beta1) * (g - state["exp_avg"])
    v = state["exp_avg_sq"] = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
    if group["amsgrad"]:
        v = state["max_exp_avg_sq"] = maximum(state["max_exp_avg_sq"], v)
    param.copy_(keep * before - size * state["exp_avg"] / (v.sqrt() / root + group["eps"]))


class Adam(Adaptive):
    """Adam, in place and for any number of parameters.

    Args:
        params: tensors, (name, tensor) pairs or group dicts; a group may set each of the options below for itself.
        lr: learning rate, a number or a tensor with one element.
        betas: how much of the running means of the gradient and of its square is kept.
        eps: keeps the divisor above 0.
        weight_decay: this number times the parameter is added to its gradient.
        amsgrad: divide by the largest mean of squares so far.
        foreach, fused: accepted, without effect on the result.
        maximize: maximize the objective instead of minimizing it.
        capturable: only for parameters on a GPU.
        differentiable: record the step on the tape.
        decoupled_weight_decay: shrink the parameter itself, as `AdamW` does.

    Raises:
        ValueError: an option is negative, a beta is not from 0 to below 1, `lr` is a tensor with more than one element, or `lr`
            or the betas are tensors with `foreach` and without `capturable`.
        RuntimeError: `fused` together with `foreach` or `differentiable`.
        TypeError, ValueError: wrong `params`; see `Optimizer`.
    """

    _later = dict(amsgrad=False, maximize=False, foreach=None, capturable=False) | dict(
        differentiable=False, decoupled_weight_decay=False, fused=None
    )
    _sparse = "does not support sparse gradients, please consider SparseAdam instead"

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_rate(lr)
        check_not_negative(epsilon__value=eps, weight_decay__value=weight_decay)
        for index, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}: it must be from 0 to below 1")
        if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        if isinstance(betas[0], Tensor) and foreach and not capturable:
            raise ValueError("betas[0] as a Tensor is not supported for capturable=False and foreach=True")
        options: dict[str, Any] = dict(lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)
        options |= dict(maximize=maximize, foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, options | dict(fused=fused, decoupled_weight_decay=decoupled_weight_decay))
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def _begin(self, group: dict, param: Tensor) -> dict[str, Tensor]:
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * group["amsgrad"]
        return {name: param.new_zeros(param.shape) for name in names}

    def _change(self, group: dict, param: Tensor, grad: Tensor, state: dict[str, Any], t: float) -> None:
        beta1, beta2 = group["betas"]
        size, root = group["lr"] / (1 - beta1**t), (1 - beta2**t) ** 0.5
        if group["differentiable"]:
            return _step_on_tape(group, param, grad, state, size, root)
        decay, keep = group["weight_decay"], 1.0
        if group["decoupled_weight_decay"]:
            decay, keep = 0.0, 1 - group["lr"] * decay
        largest = state["max_exp_avg_sq"] if group["amsgrad"] else state["exp_avg_sq"]
        tensors = (param, grad, state["exp_avg"], state["exp_avg_sq"], largest)
        numbers = (size, 1 - beta1, beta2, 1 - beta2, root, group["eps"], decay, keep)
        launch(adam_step_cpu, adam_step_cuda, tensors, numbers, bool(group["amsgrad"]), bool(group["maximize"]))
