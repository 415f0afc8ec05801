"""A learning rate that is reduced when a measure stops improving. It is documented with `lr_scheduler`."""

from __future__ import annotations

import math
import warnings
from typing import Any

from reftorch.optim.optimizer import Optimizer
from reftorch.optim.schedule import EPOCH, LRScheduler, check_optimizer, each_group, for_groups, write_rate

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """The rate is multiplied by `factor` when a measure, given to `step`, has not become better for more than `patience` steps.

    Args:
        optimizer: whose learning rates are written.
        mode: "min" if smaller is better, "max" if larger is.
        factor: factor of the rate, below 1.
        patience: number of steps in a row without improvement that leave the rate as it is.
        threshold: by how much a measure must be better than the best one.
        threshold_mode: "rel", a part of the best measure, or "abs".
        cooldown: number of steps after a change that are not counted.
        min_lr: the rate does not fall below it; one number, or one for each group.
        eps: the rate is changed only if the change is larger than this.

    Raises:
        ValueError: `factor` is not below 1, an unknown mode, or another number of `min_lr` than groups.
        TypeError: `optimizer` is not an Optimizer.
        RuntimeError: in `step`, if a group was added and `min_lr` is a list.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, but is {factor}")
        check_optimizer(optimizer)
        self.factor, self.optimizer = factor, optimizer
        if isinstance(min_lr, (list, tuple)) and len(min_lr) != len(optimizer.param_groups):
            raise ValueError(f"expected {len(optimizer.param_groups)} min_lrs, got {len(min_lr)}")
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = for_groups("min_lr", optimizer, min_lr)
        self.patience, self.cooldown, self.eps, self.last_epoch = patience, cooldown, eps, 0
        self._last_lr = each_group(optimizer, "lr")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self._reset()

    def _reset(self) -> None:
        self.best, self.cooldown_counter, self.num_bad_epochs = self.mode_worse, 0, 0

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Compare a measure, a number or a tensor with one element, with the best one, and reduce the rate if it did not improve."""
        current = float(metrics)
        if epoch is not None:
            warnings.warn(EPOCH, stacklevel=2)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current, self.best):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = each_group(self.optimizer, "lr")

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"The number of param groups in the `optimizer` ({len(groups)}) differs from when `ReduceLROnPlateau` was "
                    f"initialized ({len(self.min_lrs)}): add the new group's number to the `min_lrs` field"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, least in zip(groups, self.min_lrs):
            before = float(group["lr"])
            after = max(before * self.factor, least)
            if before - after > self.eps:
                write_rate(group, after)

    @property
    def in_cooldown(self) -> bool:
        """Whether the last change is so recent that steps are not counted."""
        return self.cooldown_counter > 0

    def _is_better(self, a: float, best: float) -> bool:
        smaller = self.mode == "min"
        sign = -1.0 if smaller else 1.0
        if self.threshold_mode == "rel":
            bound = best * (1.0 + sign * self.threshold)
        else:
            bound = best + sign * self.threshold
        return a < bound if smaller else a > bound
