"""Shared by Adam, RMSprop, Adagrad and Adadelta: for each parameter a count of steps, a state, and one launch of a kernel per step.

A subclass defines the initial state of a parameter (`_begin`) and one step (`_change`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reftorch.autograd import enable_grad, set_grad_enabled
from reftorch.kernel import PARALLEL, on
from reftorch.ops import tensor
from reftorch.optim.lists import changed, check_lists, rows
from reftorch.optim.optimizer import Optimizer
from reftorch.tensor import Tensor

# The compiler may fuse a product and a sum, but must keep the order of products: $(1 - \beta) \, g \cdot g$ fits into float32 where
# $g \cdot g$ does not.
IN_ORDER: dict[str, Any] = {**PARALLEL, "fastmath": {"contract"}}


def check_not_negative(**values: Any) -> None:
    """Raise ValueError if a value is negative or NaN. Each keyword is the name in the error, with `__` for a space."""
    for name, value in values.items():
        if not value >= 0.0:
            raise ValueError(f"Invalid {name.replace('__', ' ')}: {value}: it must not be negative")


def check_rate(lr: Any) -> None:
    """Raise ValueError unless the learning rate is a number, or a tensor with one element, and not negative."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(f"Tensor lr must be 1-element, but has shape {list(lr.shape)}")
    check_not_negative(learning__rate=lr)


def launch(
    cpu_kernel: Callable,
    cuda_kernel: Any,
    tensors: Sequence[Tensor],
    numbers: Sequence[Any],
    *flags: bool,
    fast: Callable | None = None,
) -> None:
    """One step of one parameter. `tensors` are the parameter, its gradient, and its states; all but the gradient are changed.

    The kernel gets each tensor as a row of elements, and the numbers in the parameter's dtype.
    """
    param, grad, *states = tensors
    if param.numel() == 0:
        return
    dense = {id(each): each.contiguous() for each in (param, *states)}
    run = on(param.device, cpu_kernel, cuda_kernel, param.numel(), fast)
    typed = [param.dtype.numpy.type(float(value)) for value in numbers]
    run(*rows(dense[id(param)], grad, *[dense[id(state)] for state in states]), *typed, *flags)
    for each in {id(each): each for each in (param, *states) if each is not grad}.values():
        changed(each, dense[id(each)])


class Adaptive(Optimizer):
    """An optimizer whose steps depend on the size of past gradients. Its state has a "step" and tensors of the parameter's shape."""

    _later: dict[str, Any] = {}  # options that states saved by older versions lack, with their defaults
    _sparse = "does not support sparse gradients"

    def _begin(self, group: dict, param: Tensor) -> dict[str, Tensor]:
        """The state of a parameter before its first step, without "step"."""
        raise NotImplementedError

    def _change(self, group: dict, param: Tensor, grad: Tensor, state: dict[str, Any], t: float) -> None:
        """Step number `t` of one parameter."""
        raise NotImplementedError

    def _check_sparse(self, group: dict, grad: Tensor) -> None:
        """Raise RuntimeError unless sparse gradients are supported with these options."""
        raise RuntimeError(f"{type(self).__name__} {self._sparse}")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self._later.items():
                group.setdefault(name, default)
        for remembered in self.state.values():
            if remembered and not isinstance(remembered["step"], Tensor):  # older versions saved a number
                remembered["step"] = tensor(float(remembered["step"]))

    def step(self, closure: Callable | None = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: computes the loss again and returns it; called once, with recording on, before the step.

        Returns:
            What `closure` returned, or None.
        """
        loss = None
        with set_grad_enabled(self.defaults["differentiable"]):
            if closure is not None:
                with enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        self._step_of_one(group, param, param.grad)
        return loss

    def _step_of_one(self, group: dict, param: Tensor, grad: Tensor) -> None:
        if grad.is_sparse:
            self._check_sparse(group, grad)
        state = self.state[param]
        if not state:
            state.update(step=tensor(0.0), **self._begin(group, param))
        if group.get("capturable") and param.device.type == "cpu":
            raise AssertionError("If capturable=True, params and state_steps must be on a GPU: leave out capturable")
        lists = {name: [value] for name, value in state.items() if name != "step"}
        check_lists([param], **({} if grad.is_sparse else {"gradients": [grad]}), **lists)
        state.update((name, value) for name, (value,) in lists.items())
        state["step"] += 1
        self._change(group, param, grad, state, state["step"].item())
