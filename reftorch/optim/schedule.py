"""Shared by all schedules of the learning rate: they count steps, and write the rates of an optimizer's groups."""

from __future__ import annotations

import warnings
from typing import Any

from reftorch.optim.optimizer import Optimizer
from reftorch.tensor import Tensor

__all__ = ["LRScheduler"]

EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler."
)


def each_group(optimizer: Optimizer, key: str) -> list:
    """The option of each group; a tensor is copied, so that later steps do not change it."""
    values = [group[key] for group in optimizer.param_groups]
    return [value.clone() if isinstance(value, Tensor) else value for value in values]


def write_rate(group: dict, lr: Any) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(float(lr))
    else:
        group["lr"] = lr


def for_groups(name: str, optimizer: Optimizer, value: Any) -> list:
    """One value for each group, from one value for all groups or from a list."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, param_groups has "
            f"{count}."
        )
    return list(value)


class LRScheduler:
    """The base class of schedules that count steps. A subclass defines `get_lr`.

    Args:
        optimizer: whose learning rates are written.
        last_epoch: how many steps were taken before; -1 at the beginning.

    Raises:
        TypeError: `optimizer` is not an Optimizer.
        KeyError: with another `last_epoch`, if the optimizer's groups have no "initial_lr": load its state first.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                rate = group["lr"]
                group.setdefault("initial_lr", rate.clone() if isinstance(rate, Tensor) else rate)
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{number}] when resuming scheduler with last_epoch "
                    f">= 0 (it is {last_epoch}): load the optimizer's state first, or leave out last_epoch"
                )
        self.base_lrs = each_group(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list:
        """The next rate of each group, for `step`; the current one is `get_last_lr()`."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr(): a subclass defines it")

    def get_last_lr(self) -> list:
        """The rate that was written last, for each group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Count one step and write the learning rates; `epoch` is deprecated."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in the opposite "
                "order, or the first value of the learning rate schedule is skipped.",
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = getattr(self, "_get_closed_form_lr", self.get_lr)
        rates = self.get_lr() if epoch is None else closed()
        self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, rates):
            write_rate(group, lr)
        self._last_lr = each_group(self.optimizer, "lr")

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", stacklevel=3
            )

    def _times(self, factor: float) -> list:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a saved state."""
        self.__dict__.update(state_dict)


def check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer: the optimizer is the first argument")
