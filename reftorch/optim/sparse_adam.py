r"""SparseAdam: Adam for tables of which each step uses only a few rows. Only these rows, and their means, change.

The gradient is a sparse tensor, as `Embedding` and `EmbeddingBag` give it with `sparse=True`: it has the rows that were looked up.

Use it when a table has very many rows and a batch chooses few of them; `Adam` also moves the rows without a gradient, along their old
means, and needs a dense gradient.

## Forward

Entries of the gradient for the same row are added first. Then $k$ counts the rows that the gradient has, $r_k$ is the index of
the $k$-th one in the table, and $d$ counts the elements of a row. The means $m$ and $v$ have the shape of the table. The formulas
are those of Adam, for these rows only, except that $\varepsilon$ is added before the root is corrected:

$$g_{kd} = \pm \frac{\partial f}{\partial \theta_{r_k d}} \qquad \text{minus for } \texttt{maximize}$$

$$m_{r_k d} \leftarrow m_{r_k d} + (1 - \beta_1) \, (g_{kd} - m_{r_k d}) \qquad
v_{r_k d} \leftarrow v_{r_k d} + (1 - \beta_2) \, (g_{kd}^2 - v_{r_k d})$$

$$\theta_{r_k d} \leftarrow \theta_{r_k d} - \eta \, \frac{m_{r_k d}}{\sqrt{v_{r_k d}} + \varepsilon}
\qquad \eta = \gamma \, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}$$

with the learning rate $\gamma$ and the number of steps $t$ of the whole table.

## Gradients

A step runs under `no_grad` and changes the parameters in place.

## Cost

About 10 operations and a root for each element of a row that the gradient has. The other rows are not read; the two means still need twice
the memory of the table.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $\theta$ | `param` | (rows, elements of a row) | the parameter |
| $\frac{\partial f}{\partial \theta_{r_k d}}$ | `grad` | (rows of the gradient, elements of a row) | the gradient's entries, coalesced |
| $r_k$ | `rows` | as many as `grad` has | number of the row that an entry belongs to |
| $m$ | `exp_avg` | as `param` | running mean of the gradient |
| $v$ | `exp_avg_sq` | as `param` | running mean of its square |
| $k$ | `k` | $0 \le k < $ `len(rows)` | row of the gradient |
| $d$ | `d` | $0 \le d < $ `grad.shape[1]` | element of the row |
| $g_{kd}$ | `g` | | the gradient with its sign |
| $\eta$ | `size` | $\eta > 0$ | learning rate $\gamma$, corrected for the first steps |
| $1 - \beta_1$ | `new1` | from 0 to 1 | how much of the gradient enters $m$ |
| $1 - \beta_2$ | `new2` | from 0 to 1 | how much of the squared gradient enters $v$ |
| $\varepsilon$ | `eps` | $\varepsilon > 0$ | keeps the divisor above 0 |

## Worked example

A table of three rows. The loss looks up the row 2 twice and the row 0 once, so the gradients are 2 and 1. Both rows take a first step of
the learning rate; the row 1 stays:

>>> import reftorch as torch
>>> import reftorch.nn.functional as F
>>> table = torch.tensor([[10.0], [20.0], [30.0]], requires_grad=True)
>>> optimizer = torch.optim.SparseAdam([table], lr=0.5, betas=(0.5, 0.75))
>>> F.embedding(torch.tensor([2, 0, 2]), table, sparse=True).sum().backward()
>>> optimizer.step()
>>> table.tolist()
[[9.5], [20.0], [29.5]]
>>> optimizer.state[table]["exp_avg"].tolist(), optimizer.state[table]["exp_avg_sq"].tolist()
([[0.5], [0.0], [1.0]], [[0.25], [0.0], [1.0]])

## Questions

**What would Adam do to a row without a gradient?**

Its gradient would be zero, so the means would shrink, and the row would still move along the rest of $m$. Here the row and its
means stay unchanged.

**Are the first steps of a row corrected, if it is chosen late?**

No. $t$ counts the steps of the table, so a row that is chosen first in step 1000 has means that are too small: $m$ is
$(1 - \beta_1) g$ and the root of $v$ is $\sqrt{1 - \beta_2} \, \lvert g \rvert$. With the usual betas its step is $0.1 / 0.032$, about three
times the learning rate.

**Why is there no weight decay?**

It would change all rows in each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from reftorch.autograd import enable_grad, no_grad
from reftorch.kernel import arrays, cuda, njit, on, prange
from reftorch.ops import from_numpy
from reftorch.optim.adaptive import IN_ORDER
from reftorch.optim.lists import changed, check_lists
from reftorch.optim.optimizer import Optimizer
from reftorch.tensor import Tensor

__all__ = ["SparseAdam"]


# ## One step of the rows that the gradient has
#
# $$m_{r_k d} \leftarrow m_{r_k d} + (1 - \beta_1) \, (g_{kd} - m_{r_k d}) \qquad
# \theta_{r_k d} \leftarrow \theta_{r_k d} - \eta \, \frac{m_{r_k d}}{\sqrt{v_{r_k d}} + \varepsilon}$$
#
# Each row of the table occurs once in `rows`, so it has one owner.
@njit(**IN_ORDER)
def sparse_adam_step_cpu(param, grad, rows, exp_avg, exp_avg_sq, size, new1, new2, eps, maximize):
    for k in prange(len(rows)):
        row = rows[k]
        for d in range(grad.shape[1]):
            g = -grad[k, d] if maximize else grad[k, d]
            exp_avg[row, d] += new1 * (g - exp_avg[row, d])
            exp_avg_sq[row, d] += new2 * (g * g - exp_avg_sq[row, d])
            param[row, d] -= size * exp_avg[row, d] / (math.sqrt(exp_avg_sq[row, d]) + eps)


@cuda.jit
def sparse_adam_step_cuda(param, grad, rows, exp_avg, exp_avg_sq, size, new1, new2, eps, maximize):
    i = cuda.grid(1)
    if i >= grad.size:
        return
    d = i % grad.shape[1]
    k = i // grad.shape[1]
    row = rows[k]
    g = -grad[k, d] if maximize else grad[k, d]
    exp_avg[row, d] += new1 * (g - exp_avg[row, d])
    exp_avg_sq[row, d] += new2 * (g * g - exp_avg_sq[row, d])
    param[row, d] -= size * exp_avg[row, d] / (math.sqrt(exp_avg_sq[row, d]) + eps)


class SparseAdam(Optimizer):
    """Adam for sparse gradients, in place and for any number of parameters, which are dense.

    Args:
        params: tensors, (name, tensor) pairs or group dicts; a group may set each of the options below for itself.
        lr: learning rate, a number or a tensor with one element.
        betas: how much of the running means of the gradient and of its square is kept.
        eps: keeps the divisor above 0.
        maximize: maximize the objective instead of minimizing it.

    Raises:
        ValueError: `lr` or `eps` is not above 0, a beta is not from 0 to below 1, or a parameter is sparse or complex.
        RuntimeError: in a step: a gradient is dense.
        TypeError, ValueError: wrong `params`; see `Optimizer`.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(f"Tensor lr must be 1-element, but has shape {list(lr.shape)}")
        for what, value in (("learning rate", lr), ("epsilon value", eps)):
            if not value > 0.0:
                raise ValueError(f"Invalid {what}: {value}: it must be above 0")
        for index, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}: it must be from 0 to below 1")
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, maximize=maximize))
        for kind, needs in (("sparse", "requires dense parameter tensors"), ("complex", "needs real parameters")):
            found = [
                [number, index]
                for number, group in enumerate(self.param_groups)
                for index, param in enumerate(group["params"])
                if (param.is_sparse if kind == "sparse" else param.is_complex())
            ]
            if found:
                raise ValueError(f"{kind.capitalize()} params at indices {found}: SparseAdam {needs}")

    @no_grad()
    def step(self, closure: Callable | None = None) -> Any:
        """Change the rows that have a gradient.

        Args:
            closure: computes the loss again and returns it; called once, with recording on, before the step.

        Returns:
            What `closure` returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._step_of_one(group, param, param.grad)
        return loss

    def _step_of_one(self, group: dict, param: Tensor, grad: Any) -> None:
        if not grad.is_sparse:
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        state = self.state[param]
        if not state:
            state.update(step=0, exp_avg=param.new_zeros(param.shape), exp_avg_sq=param.new_zeros(param.shape))
        state["step"] += 1
        lists = {name: [state[name]] for name in ("exp_avg", "exp_avg_sq")}
        check_lists([param], **lists)
        state.update((name, value) for name, (value,) in lists.items())
        grad = grad.coalesce()  # the step is not linear in the gradient: each row must occur once
        values, count = grad.values(), grad._nnz()
        if values.numel() == 0:
            return
        tensors = (param, state["exp_avg"], state["exp_avg_sq"])
        beta1, beta2 = group["betas"]
        t = state["step"]
        size = float(group["lr"]) * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        table = [each.contiguous() for each in tensors]
        elements = values.numel() // count
        of_param, of_mean, of_square, entries = (each.reshape(-1, elements) for each in arrays(*table, values))
        (rows,) = arrays(from_numpy(grad.row_numbers()).to(param.device))
        numbers = [param.dtype.numpy.type(each) for each in (size, 1 - beta1, 1 - beta2, group["eps"])]
        run = on(param.device, sparse_adam_step_cpu, sparse_adam_step_cuda, threads=values.numel())
        run(of_param, entries, rows, of_mean, of_square, *numbers, bool(group.get("maximize", False)))
        for tensor, new in zip(tensors, table):
            changed(tensor, new)
