"""Saving what a module has learned as a flat dictionary from dotted names to tensors, and loading it again.

`state_dict()` traverses the tree; each module adds its own parameters and buffers (`_save_to_state_dict`). `load_state_dict()`
traverses it in the same order; each module loads its own state (`_load_from_state_dict`) and notes which keys are missing, which
are unknown and which do not fit, so that one error can list everything. A subclass that changes its layout increases its
`_version`: the number is saved in `state_dict._metadata` and given to `_load_from_state_dict`, which can then translate old
files.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from reftorch.autograd import RemovableHandle, add_hook, no_grad
from reftorch.nn.hooks import BoundHook, Hook
from reftorch.nn.parameter import Parameter
from reftorch.nn.tree import ModuleTree
from reftorch.tensor import Tensor

EXTRA_STATE = "_extra_state"  # the key, after the module's prefix, of what get_extra_state() returns


class _IncompatibleKeys(NamedTuple):
    """The names that a module and a state dict do not share: what `load_state_dict` returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class InPlaceHook:
    """A hook that changes the state dict which it is given, and returns nothing."""

    def __init__(self, hook: Hook):
        self.hook = hook

    def __call__(self, *args: Any) -> None:
        if self.hook(*args) is not None:
            raise RuntimeError("state_dict post-hook must return None: change the state_dict that it is given in place")


class StateDict(ModuleTree):
    """The part of `Module` that saves and loads."""

    _version: int = 1
    _non_persistent_buffers_set: set[str]
    _state_dict_pre_hooks: OrderedDict[int, Hook]
    _state_dict_hooks: OrderedDict[int, Hook]
    _load_state_dict_pre_hooks: OrderedDict[int, Hook]
    _load_state_dict_post_hooks: OrderedDict[int, Hook]

    def _own_state(self) -> dict[str, Tensor]:
        """The parameters and persistent buffers of this module alone, without those that are None."""
        buffers = {k: b for k, b in self._buffers.items() if k not in self._non_persistent_buffers_set}
        return {k: t for k, t in {**self._parameters, **buffers}.items() if t is not None}

    # -------------------------------------------------------------------------------------------- saving
    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers by their dotted names; the tensors share memory with the module's.

        Args:
            destination: a dictionary to add to, instead of a new one.
            prefix: put before all names.
            keep_vars: return the parameters themselves instead of tensors detached from the tape.
        """
        if args:
            warnings.warn(
                "state_dict() takes keyword arguments; positional destination, prefix and keep_vars are deprecated",
                FutureWarning,
                stacklevel=2,
            )
            given = dict(zip(("destination", "prefix", "keep_vars"), args))
            destination = given.get("destination") if destination is None else destination
            prefix = prefix or given.get("prefix", "")
            keep_vars = keep_vars or given.get("keep_vars", False)
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata

        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            answer = hook(self, destination, prefix, local_metadata)
            destination = destination if answer is None else answer
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Add the state of this module alone to `destination`; subclasses may do it differently."""
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    # -------------------------------------------------------------------------------------------- loading
    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy the tensors of `state_dict` into the parameters and buffers of the same names, here and below.

        Args:
            state_dict: what `state_dict()` of such a module returned.
            strict: whether names that only one of the two sides has are an error.
            assign: take over the tensors themselves, with their dtype and device, instead of copying their values; a
                parameter keeps its `requires_grad` only. Optimizers must be made afterwards.

        Returns:
            The names that are missing in `state_dict`, and those there that the module does not have.

        Raises:
            TypeError: `state_dict` is not a mapping.
            RuntimeError: names or shapes do not match; lists all of them.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"Expected state_dict to be dict-like, got {type(state_dict)}: a file must be read with load() first"
            )
        metadata = getattr(state_dict, "_metadata", None)
        state: Any = OrderedDict(state_dict)  # modules may change their copy
        if metadata is not None:
            state._metadata = metadata
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []

        def load(module: Any, state: Any, prefix: str) -> None:
            local_metadata = dict((metadata or {}).get(prefix[:-1], {}))
            if assign:
                local_metadata["assign_to_params_buffers"] = True
            module._load_from_state_dict(state, prefix, local_metadata, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    path = f"{prefix}{name}."
                    load(child, {k: v for k, v in state.items() if k.startswith(path)}, path)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, _IncompatibleKeys(missing, unexpected)) is not None:
                    raise AssertionError(
                        "a hook of register_load_state_dict_post_hook must return None; "
                        "it may change the lists of keys that it is given in place"
                    )

        load(self, state, "")
        if strict:
            both = ("Missing key(s) in state_dict", missing), ("Unexpected key(s) in state_dict", unexpected)
            errors[:0] = [f"{what}: {', '.join(map(_quoted, keys))}. " for what, keys in both if keys]
        if errors:
            raise RuntimeError("\n\t".join([f"Error(s) in loading state_dict for {self._get_name()}:", *errors]))
        return _IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load the state of this module alone from `state_dict`; subclasses may do it differently.

        Args:
            state_dict: everything whose name begins with `prefix`; may be changed.
            prefix: the path of this module, with a dot at the end.
            local_metadata: what was saved about this module: `"version"`; and `"assign_to_params_buffers"`.
            strict: whether to note the names that do not match.
            missing_keys: where to note names that `state_dict` lacks.
            unexpected_keys: where to note names that this module lacks.
            error_msgs: where to note other errors.
        """
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own_state = self._own_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, tensor in own_state.items():
            key = prefix + name
            if key in state_dict:
                error = self._load_tensor(name, key, tensor, state_dict[key], assign)
                error_msgs.extend([error] if error else [])
            elif strict:
                missing_keys.append(key)

        extra = prefix + EXTRA_STATE
        if type(self).set_extra_state is not StateDict.set_extra_state:
            if extra in state_dict:
                self.set_extra_state(state_dict[extra])
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            known = {*own_state, EXTRA_STATE}
            for key in state_dict:
                if key.startswith(prefix):
                    name, dot, _ = key[len(prefix) :].partition(".")
                    if name not in (self._modules if dot else known):
                        unexpected_keys.append(key)

    def _load_tensor(self, name: str, key: str, own: Tensor, loaded: Any, assign: bool) -> str | None:
        """Copy or assign one tensor. Returns an error text, or None if it worked."""
        if not isinstance(loaded, Tensor):
            return f'While copying the parameter named "{key}", expected a Tensor from checkpoint but received {type(loaded)}'
        if own.dim() == 0 and tuple(loaded.shape) == (1,):
            loaded = loaded[0]  # files from before there were tensors without dimensions
        if tuple(loaded.shape) != tuple(own.shape):
            return (
                f"size mismatch for {key}: the checkpoint has shape {loaded.shape}, the current model {own.shape}. "
                "Was the model built with other sizes?"
            )
        try:
            with no_grad():
                if assign and isinstance(own, Parameter):
                    fits = loaded if isinstance(loaded, Parameter) else Parameter(loaded, own.requires_grad)
                    setattr(self, name, fits.requires_grad_(own.requires_grad))
                elif assign:
                    setattr(self, name, loaded)
                else:
                    own.copy_(loaded)
        except Exception as error:
            return f'While copying the parameter named "{key}" of shape {own.shape}, an exception occurred: {error!r}.'
        return None

    # -------------------------------------------------------------------------------------------- state that is not tensors
    def get_extra_state(self) -> Any:
        """Override together with `set_extra_state` to save something else with the module; it must be picklable."""
        raise RuntimeError(f"{self._get_name()} has no extra state: override get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Override together with `get_extra_state`: it gets what `get_extra_state` returned."""
        raise RuntimeError(f"{self._get_name()} has no extra state: override set_extra_state()")

    # -------------------------------------------------------------------------------------------- hooks
    def register_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state of this module is collected."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after it was collected; the hook may change `state_dict`."""
        return add_hook(self._state_dict_hooks, InPlaceHook(hook))

    def _register_state_dict_hook(self, hook: Hook) -> RemovableHandle:
        """The older form of `register_state_dict_post_hook`: at the root, what the hook returns replaces the state dict.

        Raises:
            RuntimeError: the function has been registered with `register_state_dict_post_hook`.
        """
        if any(isinstance(known, InPlaceHook) and known.hook == hook for known in self._state_dict_hooks.values()):
            raise RuntimeError(
                f"Cannot register {hook!r} as a hook that may return a new state dict: it has been registered with "
                "register_state_dict_post_hook"
            )
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)`.

        It is called before this module loads, and may change what it is given.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Hook, with_module: bool = False) -> RemovableHandle:
        """The same, called without the module unless `with_module`."""
        return add_hook(self._load_state_dict_pre_hooks, BoundHook(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after this module and those below have loaded.

        `incompatible_keys.missing_keys` and `.unexpected_keys` are what all modules have noted so far. The hook may change
        these lists in place: `load_state_dict(strict=True)` fails if names are left in them.
        """
        return add_hook(self._load_state_dict_post_hooks, hook)


def _quoted(key: str) -> str:
    return f'"{key}"'
