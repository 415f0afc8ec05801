"""A learning rate that rises once and falls once, with momentum that does the opposite. It is documented with `lr_scheduler`."""

from __future__ import annotations

import math
from typing import Any

from reftorch.optim.optimizer import Optimizer
from reftorch.optim.schedule import LRScheduler, check_optimizer, for_groups

__all__ = ["OneCycleLR"]


class OneCycleLR(LRScheduler):
    """The rate rises from a small one to `max_lr` and falls to a very small one; momentum does the opposite. Call it after each batch.

    Args:
        optimizer: has a momentum or betas, if `cycle_momentum`.
        max_lr: the largest rate, one or one for each group.
        total_steps: number of steps in the cycle; or give `epochs` and `steps_per_epoch`, and it is their product.
        pct_start: the part of the cycle in which the rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether momentum falls from `max_momentum` to `base_momentum` and rises again.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first one / final_div_factor.
        three_phase: fall to the first rate in as many steps as the rise took, then to the last one.

    Raises:
        ValueError: the number of steps is missing or not positive, `pct_start` is not a float from 0 to 1, another strategy, or
            no momentum; in `step`, if there are more than `total_steps`.
        ZeroDivisionError: `pct_start * total_steps` is 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _cycle_length(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        largest = for_groups("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for rate, group in zip(largest, optimizer.param_groups):
                group["initial_lr"], group["max_lr"] = rate / div_factor, rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(max_momentum, base_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _begin_momentum(self, max_momentum: Any, base_momentum: Any, last_epoch: int) -> None:
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled: give cycle_momentum=False"
            )
        self.use_beta1 = "betas" in defaults
        largest = for_groups("max_momentum", self.optimizer, max_momentum)
        smallest = for_groups("base_momentum", self.optimizer, base_momentum)
        if last_epoch == -1:
            for high, low, group in zip(largest, smallest, self.optimizer.param_groups):
                self._write_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low

    def _write_momentum(self, group: dict, value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)

    def get_lr(self) -> list:
        self._warn_outside_step()
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(
                f"Tried to step {t} times. The specified number of total steps is {self.total_steps}: is it the number of "
                "batches of all epochs?"
            )
        begin, phase = 0.0, self._schedule_phases[0]
        for following in self._schedule_phases[1:]:
            if t <= phase["end_step"]:
                break
            begin, phase = phase["end_step"], following
        if phase["end_step"] == begin:
            raise ZeroDivisionError(
                f"OneCycleLR: the phase that ends at step {begin:g} has no step before it, so no rate between its two can be found: "
                f"pct_start * total_steps must not be 1, and total_steps is {self.total_steps}; another pct_start helps"
            )
        part = (t - begin) / (phase["end_step"] - begin)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                self._write_momentum(group, momentum)
        return rates


def _cycle_length(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    given = (
        dict(epochs=epochs, steps_per_epoch=steps_per_epoch) if total_steps is None else {"total_steps": total_steps}
    )
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())


def _phases(total_steps: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    """The phases of a cycle: the step where each ends, and the names of the group's options at its start and end."""
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    rise = (float(pct_start * total_steps) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three_phase:
        falls: list[tuple] = [(total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    else:
        back = float(2 * pct_start * total_steps) - 2
        falls = [(back, "max_lr", "initial_lr", "base_momentum", "max_momentum")]
        falls += [(total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]
    return [dict(zip(names, phase)) for phase in (rise, *falls)]
