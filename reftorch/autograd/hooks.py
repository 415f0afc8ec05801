"""Functions that are called when a gradient has been computed."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class RemovableHandle:
    """What registering a hook returns: `remove()` removes the hook; also a context manager."""

    _ids = itertools.count()

    def __init__(self, hooks: dict, extra_dict: Any = ()):
        self.id = next(
            i for i in self._ids if i not in hooks
        )  # hooks from a pickle have the numbers of another process
        self._dicts = [weakref.ref(d) for d in (hooks, *extra_dict)]

    def remove(self) -> None:
        for reference in self._dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()

    def __getstate__(self) -> tuple:
        return self.id, [reference() for reference in self._dicts]  # a copied handle is for the copied hooks

    def __setstate__(self, state: tuple) -> None:
        self.id, dicts = state
        self._dicts = [weakref.ref(hooks) for hooks in dicts if hooks is not None]


def add_hook(hooks: OrderedDict, hook: Callable) -> RemovableHandle:
    """Append `hook` to an ordered dictionary of hooks."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def call_hooks(hooks: OrderedDict | None, grads: list, *more: Any) -> list:
    """`grads` after each hook was called with them (and `more`); what a hook returns takes their place."""
    for hook in list(hooks.values()) if hooks else ():
        answer = hook(tuple(grads), *more)
        if answer is None:
            continue
        answer = list(answer) if isinstance(answer, (tuple, list)) else [answer]
        if len(answer) != len(grads):
            raise RuntimeError(
                f"hook {_name(hook)!r} has returned an incorrect number of values: got {len(answer)}, but expected "
                f"{len(grads)}, one for each gradient"
            )
        grads = [_checked(hook, new, old) for new, old in zip(answer, grads)]
    return grads


def call_tensor_hooks(hooks: OrderedDict | None, grad: Any) -> Any:
    """The gradient of one tensor after each hook was called with it."""
    for hook in list(hooks.values()) if hooks else ():
        answer = hook(grad)
        if answer is not None:
            grad = _checked(hook, answer, grad)
    return grad


def _checked(hook: Callable, new: Any, old: Any) -> Any:
    if new is None or old is None or new is old:
        return new
    if not hasattr(new, "grad_fn"):
        raise TypeError(f"hook {_name(hook)!r} returned a {type(new).__name__}; wanted a tensor or None")
    for what in ("shape", "dtype", "device"):
        if getattr(new, what) != getattr(old, what):
            raise RuntimeError(
                f"hook {_name(hook)!r} has changed the {'size' if what == 'shape' else what} of value: the gradient "
                f"was {getattr(old, what)}, what it returned is {getattr(new, what)}"
            )
    return new.detach()


def _name(hook: Callable) -> str:
    return getattr(hook, "__name__", repr(hook))


class NodeHooks:
    """What a `Node` inherits to call hooks, and to keep the gradients of tensors with `retain_grad`."""

    _pre_hooks: OrderedDict | None = None
    _post_hooks: OrderedDict | None = None
    _tensor_hooks: dict[int, OrderedDict] | None = None
    _retained: dict[int, Callable] | None = None  # weak references to the outputs whose gradient is kept

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` after this node ran; what it returns replaces `grad_inputs`."""
        self._post_hooks = OrderedDict() if self._post_hooks is None else self._post_hooks
        return add_hook(self._post_hooks, hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_outputs)` before this node runs; what it returns replaces `grad_outputs`."""
        self._pre_hooks = OrderedDict() if self._pre_hooks is None else self._pre_hooks
        return add_hook(self._pre_hooks, hook)

    def tensor_hooks(self, output: int) -> OrderedDict:
        """The hooks of the tensor that is this node's output number `output`."""
        self._tensor_hooks = {} if self._tensor_hooks is None else self._tensor_hooks
        return self._tensor_hooks.setdefault(output, OrderedDict())

    def _arrived(self, grads: list) -> None:
        """The gradients of the outputs are complete: call the hooks of those tensors, and store those to be retained."""
        if not (self._tensor_hooks or self._retained):
            return
        for output, grad in enumerate(grads):
            if grad is None:
                continue
            if self._tensor_hooks:
                grads[output] = grad = call_tensor_hooks(self._tensor_hooks.get(output), grad)
            tensor = self._retained[output]() if self._retained and output in self._retained else None
            # an in-place operation may have moved the tensor to another node
            if tensor is not None and tensor._grad_fn is self:
                tensor.grad = grad.clone() if tensor.grad is None else tensor.grad + grad
