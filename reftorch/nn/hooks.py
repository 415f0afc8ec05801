"""Hooks: functions of the user that run before or after a module's `forward`, or when gradients pass through the module.

| registered with                       | called as                               | when                                  |
|---------------------------------------|-----------------------------------------|---------------------------------------|
| `register_forward_pre_hook`           | `hook(module, args)`                    | before `forward`                      |
| `register_forward_hook`               | `hook(module, args, output)`            | after `forward`                       |
| `register_full_backward_pre_hook`     | `hook(module, grad_output)`             | a gradient has arrived at the outputs |
| `register_full_backward_hook`         | `hook(module, grad_input, grad_output)` | it has reached the inputs             |
| `register_backward_hook` (deprecated) | `hook(module, grad_input, grad_output)` | it has passed the last operation      |

There are global forms, `register_module_forward_hook` and so on. Their hooks are called for every module, before the module's own
hooks. What a hook returns, if not None, replaces the arguments, the output or the gradients. This file registers the hooks;
`hooked_call.py` calls them.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from reftorch.autograd import RemovableHandle, add_hook

__all__ = [
    "HookRegistration",
    "RemovableHandle",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

Hook = Callable[..., Any]


class HookRegistration:
    """The part of `Module` that adds hooks to one module; each method returns a handle whose `remove()` undoes it."""

    _forward_pre_hooks: OrderedDict[int, Hook]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks: OrderedDict[int, Hook]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _backward_pre_hooks: OrderedDict[int, Hook]
    _backward_hooks: OrderedDict[int, Hook]
    _is_full_backward_hook: bool | None  # None: no backward hook was ever registered

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before each `forward`; what it returns replaces the positional arguments.

        A value that is not a tuple becomes the only argument.

        Args:
            hook: the function to call.
            prepend: call it before the hooks that this module has already (but after the global ones).
            with_kwargs: call `hook(module, args, kwargs)`, which returns None or a pair `(args, kwargs)`.
        """
        handle = RemovableHandle(self._forward_pre_hooks, [self._forward_pre_hooks_with_kwargs])
        _insert(self._forward_pre_hooks, handle, hook, prepend)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        return handle

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after each `forward`; what it returns replaces the output.

        Args:
            hook: the function to call.
            prepend: call it before the hooks that this module has already (but after the global ones).
            with_kwargs: call `hook(module, args, kwargs, output)`.
            always_call: call it also if the call of the module fails, with the output so far, or None.
        """
        extra = [self._forward_hooks_with_kwargs, self._forward_hooks_always_called]
        handle = RemovableHandle(self._forward_hooks, extra)
        _insert(self._forward_hooks, handle, hook, prepend)
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return handle

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when a backward pass arrives at the outputs of this module.

        `grad_output` is a tuple with an entry for each output, None for those that are not tensors or do not contribute to
        the loss. A tuple that the hook returns replaces it. Inputs and outputs of the module become views while it has backward
        hooks: changing them in place raises a RuntimeError.

        Args:
            hook: the function to call.
            prepend: call it before the hooks of this kind that this module has already (but after the global ones).
        """
        handle = RemovableHandle(self._backward_pre_hooks)
        _insert(self._backward_pre_hooks, handle, hook, prepend)
        return handle

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when a backward pass has reached the inputs of this module.

        Both gradients are tuples with an entry for each positional input and each output, None for those that are not
        tensors; keyword arguments are left out. A tuple that the hook returns replaces `grad_input`. If no input requires grad,
        the hook is called when the gradient arrives at the outputs, and must not return gradients. Inputs and outputs of the
        module become views while it has backward hooks: changing them in place raises a RuntimeError.

        Args:
            hook: the function to call.
            prepend: call it before the hooks of this kind that this module has already (but after the global ones).

        Raises:
            RuntimeError: the module has had a hook of the deprecated kind.
        """
        self._is_full_backward_hook = _same_kind(True, self._is_full_backward_hook, "a single Module")
        handle = RemovableHandle(self._backward_hooks)
        _insert(self._backward_hooks, handle, hook, prepend)
        return handle

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """Deprecated: as `register_full_backward_hook`, but sees only the last operation of the module.

        `grad_input` holds the gradients of that operation's inputs, which need not be the module's.

        Raises:
            RuntimeError: the module has had a full backward hook.
        """
        self._is_full_backward_hook = _same_kind(False, self._is_full_backward_hook, "a single Module")
        return add_hook(self._backward_hooks, hook)


def _insert(hooks: OrderedDict[int, Hook], handle: RemovableHandle, hook: Hook, prepend: bool) -> None:
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)


def _same_kind(full: bool, before: bool | None, where: str) -> bool:
    if before is not None and before is not full:
        raise RuntimeError(
            f"Cannot use both regular backward hooks and full backward hooks on {where}: register_full_backward_hook "
            "and the deprecated register_backward_hook exclude each other, even after remove(). Use full hooks only"
        )
    return full


class BoundHook:
    """A hook that is called with its module first; it does not keep the module alive."""

    def __init__(self, hook: Hook, module: Any):
        self.hook, self.module = hook, weakref.ref(module)

    def __call__(self, *args: Any) -> Any:
        module = self.module()
        if module is None:
            raise RuntimeError(f"hook {self.hook!r} is called for a module that no longer exists")
        return self.hook(module, *args)

    def __getstate__(self) -> tuple[Hook, Any]:
        return self.hook, self.module()

    def __setstate__(self, state: tuple[Hook, Any]) -> None:
        self.__init__(*state)  # type: ignore[misc]


# ------------------------------------------------------------------------------------------------ hooks of all modules
class GlobalHooks:
    """The hooks that are called at every module: for debugging and profiling."""

    def __init__(self) -> None:
        self.forward_pre: OrderedDict[int, Hook] = OrderedDict()
        self.forward: OrderedDict[int, Hook] = OrderedDict()
        self.forward_with_kwargs: OrderedDict[int, bool] = OrderedDict()
        self.forward_always_called: OrderedDict[int, bool] = OrderedDict()
        self.backward_pre: OrderedDict[int, Hook] = OrderedDict()
        self.backward: OrderedDict[int, Hook] = OrderedDict()
        self.is_full_backward: bool | None = None
        self.buffer_registration: OrderedDict[int, Hook] = OrderedDict()
        self.module_registration: OrderedDict[int, Hook] = OrderedDict()
        self.parameter_registration: OrderedDict[int, Hook] = OrderedDict()


everywhere = GlobalHooks()


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, args)` before the `forward` of every module; see `Module.register_forward_pre_hook`."""
    return add_hook(everywhere.forward_pre, hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the `forward` of every module; see `Module.register_forward_hook`."""
    extra = [everywhere.forward_with_kwargs, everywhere.forward_always_called]
    handle = RemovableHandle(everywhere.forward, extra)
    everywhere.forward[handle.id] = hook
    if with_kwargs:
        everywhere.forward_with_kwargs[handle.id] = True
    if always_call:
        everywhere.forward_always_called[handle.id] = True
    return handle


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_output)` at every module; see `Module.register_full_backward_pre_hook`."""
    return add_hook(everywhere.backward_pre, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` at every module; see `Module.register_full_backward_hook`.

    Raises:
        RuntimeError: there has been a global hook of the deprecated kind.
    """
    everywhere.is_full_backward = _same_kind(True, everywhere.is_full_backward, "all Modules at once")
    return add_hook(everywhere.backward, hook)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """Deprecated: as `register_module_full_backward_hook`, but sees only the last operation of each module.

    Raises:
        RuntimeError: there has been a global full backward hook.
    """
    everywhere.is_full_backward = _same_kind(False, everywhere.is_full_backward, "all Modules at once")
    return add_hook(everywhere.backward, hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when a module gets a buffer; what it returns is registered in its place."""
    return add_hook(everywhere.buffer_registration, hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, submodule)` when a module gets a child; what it returns is registered in its place."""
    return add_hook(everywhere.module_registration, hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, parameter)` when a module gets a parameter; what it returns is registered in its place."""
    return add_hook(everywhere.parameter_registration, hook)
