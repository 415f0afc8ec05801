r"""AdamW: Adam with a weight decay that shrinks the parameters directly and is not part of the gradient.

In Adam the decay is part of the gradient and is divided by its size, so parameters with large gradients hardly decay. Here all parameters
shrink by the same factor.

Use it when you want Adam with weight decay: it is the usual choice for Transformers. Without weight decay it is `Adam`.

## Forward

First each parameter shrinks, then it takes Adam's step without decay:

$$\theta_i \leftarrow (1 - \gamma \lambda) \, \theta_i \qquad
\theta_i \leftarrow \theta_i - \eta \, \frac{m_i}{\sqrt{v_i} / \rho + \varepsilon}$$

with the means $m_i$ and $v_i$ and the corrections $\eta$ and $\rho$ of `Adam`, whose kernel does both in one pass.

## Worked example

A gradient of zero leaves only the decay: $\theta$ becomes $(1 - \frac{1}{2} \cdot \frac{1}{2}) \, \theta$ at each step.

>>> import reftorch as torch
>>> theta = torch.tensor([16.0], requires_grad=True)
>>> optimizer = torch.optim.AdamW([theta], lr=0.5, weight_decay=0.5)
>>> for _ in range(2):
...     optimizer.zero_grad()
...     (0 * theta).sum().backward()
...     optimizer.step()
...     print(theta.tolist())
[12.0]
[9.0]

## Questions

**What would Adam do in the example?**

There the decay is the whole gradient, and Adam's steps have the size of the learning rate, whatever the decay is:

>>> theta = torch.tensor([16.0], requires_grad=True)
>>> optimizer = torch.optim.Adam([theta], lr=0.5, weight_decay=0.5)
>>> (0 * theta).sum().backward()
>>> optimizer.step()
>>> theta.tolist()
[15.5]

**Does a schedule of the learning rate change the decay?**

Yes, the decay of a step is the product of both, $\gamma \lambda$.

**Which parameters should not decay?**

Usually biases and the weights of normalization layers: put them into a separate parameter group with `weight_decay=0`.
"""

from __future__ import annotations

from typing import Any

from reftorch.optim.adam import Adam
from reftorch.tensor import Tensor

__all__ = ["AdamW"]


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Args: as `Adam`, with a weight decay of 0.01; `decoupled_weight_decay` is always on.

    Raises: as `Adam`.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options: dict[str, Any] = dict(maximize=maximize, foreach=foreach, capturable=capturable)
        options |= dict(differentiable=differentiable, fused=fused, decoupled_weight_decay=True)
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a state that Adam saved
            group["decoupled_weight_decay"] = True
