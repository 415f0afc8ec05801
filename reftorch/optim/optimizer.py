"""Shared by all optimizers: parameter groups, state, hooks, saving and loading.

An optimizer holds two things. `param_groups` is a list of dicts: each has its tensors under "params" and every option of the
optimizer (a learning rate, a momentum, ...) under the option's name, so that groups can differ. `state` maps a parameter to a
dict of what the optimizer remembers about it between steps. A subclass adds one method, `step`:

    class Descent(Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, defaults=dict(lr=lr))

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        param.sub_(group["lr"] * param.grad)
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from reftorch.autograd import RemovableHandle, add_hook
from reftorch.tensor import Tensor

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]


class _Required:
    """The default of an option that has none: each parameter group must give its own value."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


# ------------------------------------------------------------------------------------------------ hooks
_global_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_post_hooks: OrderedDict[int, Callable] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer; see `Optimizer.register_step_pre_hook`."""
    return add_hook(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    return add_hook(_global_post_hooks, hook)


def _with_hooks(step: Callable) -> Callable:
    """`step` with its hooks before and after it; the global hooks are the first and the last."""

    @functools.wraps(step)
    def hooked_step(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        for hook in (*_global_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()):
            answer = hook(self, args, kwargs)
            if answer is not None:
                if not (isinstance(answer, tuple) and len(answer) == 2):
                    raise RuntimeError(
                        f"a step pre-hook returned {answer}: it must return None or a tuple "
                        "(new_args, new_kwargs), where new_args begins with the optimizer"
                    )
                args, kwargs = answer
        result = step(*args, **kwargs)
        self._opt_called = True  # read by schedules of the learning rate
        for hook in (*self._optimizer_step_post_hooks.values(), *_global_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return hooked_step


def _add(hooks: OrderedDict, hook: Callable, prepend: bool) -> RemovableHandle:
    handle = add_hook(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


# ------------------------------------------------------------------------------------------------ Optimizer
class Optimizer:
    """The base class of all optimizers.

    Args:
        params: tensors, or pairs (name, tensor) as `named_parameters()` gives, or dicts that describe one group each. The order
            must be the same in each run, since saved state is matched by position: so a set is not allowed.
        defaults: the options of a group that does not set its own.

    Raises:
        TypeError: `params` is a tensor, or something in it is neither a tensor nor a group.
        ValueError: `params` is empty, or a group is wrong (see `add_param_group`).
    """

    _optimizer_step_pre_hooks: OrderedDict[int, Callable]
    _optimizer_step_post_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Callable]

    _opt_called = False  # whether `step` was called

    def __init__(self, params: Iterable, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {_typename(params)}: put it in a list, [tensor]"
            )
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list: does the model have parameters, or was the iterator "
                "model.parameters() used up before?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def _make_hooks(self) -> None:
        for name in Optimizer.__annotations__:  # the six above
            if name not in self.__dict__:
                setattr(self, name, OrderedDict())

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("defaults", "state", "param_groups")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hooks()  # they are not pickled
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for number, group in enumerate(self.param_groups):
            options = [f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"]
            text += f"\nParameter Group {number}\n" + "".join(options)
        return text + ")"

    # ---- the parameters
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, such as layers that should be trained from now on.

        Args:
            param_group: "params", and any options that differ from the optimizer's defaults. The dict itself becomes the group.

        Raises:
            TypeError: it is not a dict, its "params" are a set, or one of them is not a tensor.
            ValueError: a parameter is not a leaf of the tape or is in another group already; a required option is
                missing; some parameters have names and others not.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
                "sets will change between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [param[0] for param in params if isinstance(param, tuple)]
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are missing: "
                    f"{len(names)} of {len(params)} have one"
                )
            params = [param[1] for param in params]
            param_group["param_names"] = names
        param_group["params"] = params
        for param in params:
            self._check_parameter(param)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self._check_group(param_group)
        self.param_groups.append(param_group)

    def _check_parameter(self, param: Any) -> None:
        if not isinstance(param, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {_typename(param)}")
        if not (self.defaults.get("differentiable") or param.is_leaf or param.retains_grad):
            raise ValueError(
                f"can't optimize a non-leaf Tensor: the one of shape {list(param.shape)} was computed by {param.grad_fn}, "
                "so its .grad stays None; optimize what it was computed from, or .detach() it"
            )

    def _check_group(self, param_group: dict[str, Any]) -> None:
        """Raise unless the group fits the existing groups."""
        params = set(param_group["params"])
        if len(params) != len(param_group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                stacklevel=5,
            )
        for number, group in enumerate(self.param_groups):
            if ("param_names" in param_group) != ("param_names" in group):
                kind = "with" if "param_names" in param_group else "without"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {kind} names to the optimizer"
                )
            shared = params.intersection(group["params"])
            if shared:
                shapes = [list(param.shape) for param in shared]
                raise ValueError(
                    f"some parameters appear in more than one parameter group: those of shapes {shapes} "
                    f"are in group {number} already"
                )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Delete the gradients (set them to None), or set them to zero, because backward adds to what is there.

        A parameter whose gradient is None is skipped by `step`; with a gradient of zero it takes part, and its momentum and
        weight decay still move it.
        """
        for group in self.param_groups:
            for param in group["params"]:
                grad = param.grad
                if grad is None or set_to_none:
                    param.grad = None
                else:
                    grad.detach_() if grad.grad_fn is not None else grad.requires_grad_(False)
                    grad.zero_()

    def step(self, closure: Callable | None = None) -> Any:
        """Change the parameters once, according to their gradients. Every optimizer has its own.

        Args:
            closure: computes the loss again, with gradients, and returns it; some optimizers call it several times.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step(): a subclass defines it")

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step. It returns None, or the `(args, kwargs)` to use instead.

        `args[0]` is the optimizer, as in an unbound call of `step`.
        """
        return add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._optimizer_step_post_hooks, hook)

    # ---- saving and loading
    def state_dict(self) -> dict[str, Any]:
        """What is needed to continue training later, besides the parameters: `{"state": ..., "param_groups": ...}`.

        Parameters are replaced by numbers, counted through all groups: `state` maps the number to what is remembered about the
        parameter, and a group lists the numbers under "params". Tensors are not copied.
        """
        for hook in list(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        number: dict[int, int] = {}
        groups, position = [], 0
        for group in self.param_groups:
            for param in group["params"]:
                number.setdefault(id(param), position)
                position += 1
            packed = {key: value for key, value in group.items() if key != "params"}
            groups.append({**packed, "params": [number[id(param)] for param in group["params"]]})
        state = {(number[id(key)] if isinstance(key, Tensor) else key): value for key, value in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in list(self._optimizer_state_dict_post_hooks.values()):
            answer = hook(self, result)
            if answer is not None:
                result = answer
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state and options of `state_dict`, as `state_dict()` returned it.

        Parameters are matched by position. Tensors in the state get the parameter's dtype and device; those that have them
        already are shared with `state_dict`, not copied.

        Raises:
            ValueError: there are more or fewer groups, or parameters in a group, than in this optimizer.
        """
        state_dict = state_dict.copy()
        for hook in list(self._optimizer_load_state_dict_pre_hooks.values()):
            answer = hook(self, state_dict)
            if answer is not None:
                state_dict = answer
        groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(groups)}, and this optimizer has {len(self.param_groups)}"
            )
        found: dict[Any, Tensor] = {}  # by the number in the state dict
        for saved, own in zip(groups, self.param_groups):
            if len(saved["params"]) != len(own["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"{len(saved['params'])} parameters, and this optimizer has {len(own['params'])} there"
                )
            found.update(zip(saved["params"], own["params"]))
            saved["params"] = own["params"]
            if "param_names" in own:
                saved.setdefault("param_names", own["param_names"])
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            state[found.get(key, key)] = _moved(value, found[key]) if key in found else value
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` when `state_dict()` begins; with `prepend`, before the hooks that are there."""
        return _add(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` on what `state_dict()` made; what it returns, unless None, replaces it."""
        return _add(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; what it returns, unless None, is loaded instead."""
        return _add(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return _add(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def _typename(value: Any) -> str:
    return f"a {type(value).__name__}" + (f" of {value.dtype}" if isinstance(value, Tensor) else "")


def _moved(value: Any, param: Tensor, key: Any = None) -> Any:
    """`value` with the tensors in it given the dtype and device of `param`; a count called "step" stays as it is."""
    if isinstance(value, Tensor):
        if key == "step":
            return value
        return value.to(param.device, param.dtype if param.is_floating_point() else value.dtype)
    if isinstance(value, dict):
        return {inner: _moved(item, param, inner) for inner, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(_moved(item, param) for item in value)
    return value
