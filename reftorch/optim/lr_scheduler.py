r"""Schedules of the learning rate: it changes during training, depending on the number of steps or on a measure of the result.

A large learning rate makes fast progress at first; a small one at the end comes closer to the minimum. A schedule belongs to one
optimizer and writes the learning rate of each of its groups.

Use it when training no longer gets better, or is unstable at first: `StepLR`, `MultiStepLR` and `CosineAnnealingLR` shrink the rate,
`LinearLR` warms up, `OneCycleLR` does both, `ReduceLROnPlateau` waits until a measure stops improving, `LambdaLR` takes any function,
and `SequentialLR` joins several.

## Forward

With the initial rate $\gamma_0$, the rate $\gamma_t$ after $t$ calls of `step`:

| schedule | learning rate |
|---|---|
| `LambdaLR` | $\gamma_t = \gamma_0 \, f(t)$ |
| `StepLR` | $\gamma_t = \gamma_0 \, q^{\lfloor t / s \rfloor}$, a factor $q$ every $s$ steps |
| `MultiStepLR` | $\gamma_t = \gamma_0 \, q^k$, $k$ being the number of milestones up to $t$ |
| `LinearLR` | $\gamma_t = \gamma_0 \, (a + (b - a) \min(t, T) / T)$, from the factor $a$ to $b$ in $T$ steps |
| `CosineAnnealingLR` | $\gamma_t = \eta + \frac{1}{2} (\gamma_0 - \eta) (1 + \cos(\pi t / T))$, from $\gamma_0$ to $\eta$ in $T$ steps |

All but `LambdaLR` compute $\gamma_t$ from the rate that the optimizer has, $\gamma_{t-1}$, so that two schedules, or a change by
hand, combine.

## Worked example

A rate that is halved every two steps:

>>> import reftorch as torch
>>> theta = torch.zeros(1, requires_grad=True)
>>> optimizer = torch.optim.SGD([theta], lr=8.0)
>>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
>>> for _ in range(5):
...     print(scheduler.get_last_lr())
...     optimizer.step()
...     scheduler.step()
[8.0]
[8.0]
[4.0]
[4.0]
[2.0]

## Questions

**What comes first, the optimizer's step or the schedule's?**

The optimizer's. The schedule writes the first rate when it is made. With the other order that rate would never be used.

**How does one warm up and then decay?**

With two schedules, one after the other. The second begins with the rate 8 at the milestone:

>>> from reftorch.optim.lr_scheduler import LinearLR, SequentialLR, StepLR
>>> optimizer = torch.optim.SGD([theta], lr=8.0)
>>> warm, decay = LinearLR(optimizer, 0.25, total_iters=3), StepLR(optimizer, 1, gamma=0.5)
>>> scheduler = SequentialLR(optimizer, [warm, decay], milestones=[3])
>>> for _ in range(6):
...     print(scheduler.get_last_lr())
...     optimizer.step()
...     scheduler.step()
[2.0]
[4.0]
[6.0]
[8.0]
[4.0]
[2.0]

**Is a schedule called per epoch or per batch?**

Both are possible: the rate changes at each call of `step`. `OneCycleLR` is meant to be called after each batch, most others after
each epoch.

## Differences

- There is no warning if `optimizer.step` is replaced after the schedule was made.
"""

from __future__ import annotations

import math
import types
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from reftorch.optim.one_cycle_lr import OneCycleLR
from reftorch.optim.optimizer import Optimizer
from reftorch.optim.reduce_lr_on_plateau import ReduceLROnPlateau
from reftorch.optim.schedule import LRScheduler, each_group
from reftorch.optim.sequential_lr import SequentialLR

__all__ = ["CosineAnnealingLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "OneCycleLR"]
__all__ += ["ReduceLROnPlateau", "SequentialLR", "StepLR"]


class LambdaLR(LRScheduler):
    """The initial rate times a function of the number of steps; `lr_lambda` is one function, or a list with one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable | list[Callable], last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        count = len(optimizer.param_groups)
        functions = lr_lambda if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
        if len(functions) != count:
            raise ValueError(f"Expected {count} lr_lambdas, one for each parameter group, but got {len(functions)}")
        self.lr_lambdas = list(functions)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._warn_outside_step()
        return [rate * function(self.last_epoch) for function, rate in zip(self.lr_lambdas, self.base_lrs)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of functions only the attributes of callable objects, not plain functions and lambdas."""
        state = super().state_dict()
        plain = types.FunctionType
        state["lr_lambdas"] = [None if isinstance(f, plain) else f.__dict__.copy() for f in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a saved state; functions are not replaced."""
        self.__dict__.update({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for function, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"]):
            if attributes is not None:
                function.__dict__.update(attributes)


class StepLR(LRScheduler):
    """The rate is multiplied by `gamma` every `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._warn_outside_step()
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return each_group(self.optimizer, "lr")
        return self._times(self.gamma)

    def _get_closed_form_lr(self) -> list:
        return [rate * self.gamma ** (self.last_epoch // self.step_size) for rate in self.base_lrs]


class MultiStepLR(LRScheduler):
    """The rate is multiplied by `gamma` at each of the `milestones`, numbers of steps."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._warn_outside_step()
        if self.last_epoch not in self.milestones:
            return each_group(self.optimizer, "lr")
        return self._times(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self) -> list:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [rate * self.gamma**passed for rate in self.base_lrs]


class LinearLR(LRScheduler):
    """The factor of the rate changes from `start_factor` to `end_factor` in `total_iters` equal steps, and stays there.

    Raises:
        ValueError: `start_factor` is not above 0 and at most 1, or `end_factor` not from 0 to 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError(
                f"Starting multiplicative factor expected to be greater than 0 and less or equal to 1, found {start_factor}"
            )
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, found {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._warn_outside_step()
        if self.last_epoch == 0:
            return self._times(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return each_group(self.optimizer, "lr")
        change = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * change
        return self._times(1.0 + change / before)

    def _get_closed_form_lr(self) -> list:
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        return [rate * (self.start_factor + (self.end_factor - self.start_factor) * done) for rate in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """The rate changes from the initial one to `eta_min` along half a cosine in `T_max` steps, and back again in further steps."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._warn_outside_step()
        t, T = self.last_epoch, self.T_max
        if self._is_initial:
            return each_group(self.optimizer, "lr")
        if self._step_count == 1 and t > 0:
            return self._get_closed_form_lr()
        groups = self.optimizer.param_groups
        if (t - 1 - T) % (2 * T) == 0:  # the rate was eta_min: no factor leads away from it
            rise = (1 - math.cos(math.pi / T)) / 2
            return [group["lr"] + (rate - self.eta_min) * rise for rate, group in zip(self.base_lrs, groups)]
        factor = (1 + math.cos(math.pi * t / T)) / (1 + math.cos(math.pi * (t - 1) / T))
        return [factor * (group["lr"] - self.eta_min) + self.eta_min for group in groups]

    def _get_closed_form_lr(self) -> list:
        part = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (rate - self.eta_min) * part for rate in self.base_lrs]
