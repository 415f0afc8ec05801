"""`Module`, the base class of all layers and networks.

A module is a function with a state. The function is `forward`, which subclasses define. The state is what is assigned to the
attributes: a `Parameter` is learned, a buffer is kept but not learned, a `Module` is a part of this module. An assignment
registers the object, so that the methods for a whole network find it:

    class Net(nn.Module):
        def __init__(self):
            super().__init__()              # first: it makes the tables in which the rest is registered
            self.hidden = nn.Linear(64, 32)
            self.out = nn.Linear(32, 10)

        def forward(self, x):
            return self.out(F.relu(self.hidden(x)))

    net = Net()
    net.to("cuda"); net.train(); list(net.parameters()); net.state_dict()

This file is the core: registering, attributes, calling, modes, printing. The rest of `Module` is inherited from classes in these
files:

| theme                                            | file             |
|--------------------------------------------------|------------------|
| traversing the tree, finding a member by name    | `tree.py`        |
| dtype, device                                    | `conversion.py`  |
| saving and loading                               | `state_dict.py`  |
| adding hooks                                     | `hooks.py`       |
| a call with hooks                                | `hooked_call.py` |
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from reftorch.nn.conversion import Conversion
from reftorch.nn.hooked_call import HookedCall
from reftorch.nn.hooks import Hook, HookRegistration, everywhere
from reftorch.nn.parameter import Buffer, Parameter
from reftorch.nn.state_dict import StateDict
from reftorch.tensor import Tensor

__all__ = ["Module"]

T = TypeVar("T", bound="Module")


def _blank_state() -> dict[str, Any]:
    """The attributes of a module to which nothing has been assigned."""
    return {
        "training": True,
        "_parameters": {},
        "_buffers": {},
        "_non_persistent_buffers_set": set(),
        "_backward_pre_hooks": OrderedDict(),
        "_backward_hooks": OrderedDict(),
        "_is_full_backward_hook": None,
        "_forward_hooks": OrderedDict(),
        "_forward_hooks_with_kwargs": OrderedDict(),
        "_forward_hooks_always_called": OrderedDict(),
        "_forward_pre_hooks": OrderedDict(),
        "_forward_pre_hooks_with_kwargs": OrderedDict(),
        "_state_dict_hooks": OrderedDict(),
        "_state_dict_pre_hooks": OrderedDict(),
        "_load_state_dict_pre_hooks": OrderedDict(),
        "_load_state_dict_post_hooks": OrderedDict(),
        "_modules": {},
    }


def _forward_unimplemented(self: Module, *input: Any) -> NoReturn:
    """What the module computes; every subclass defines it. Call the module, not `forward`: that runs the hooks too.

    Raises:
        NotImplementedError: the subclass does not define it.
    """
    raise NotImplementedError(
        f'Module [{self._get_name()}] is missing the required "forward" function: is its name spelt right, and is it '
        "indented to be a method of the class?"
    )


class Module(HookRegistration, Conversion, StateDict):
    """Base class of all layers and networks. Subclasses call `super().__init__()` first and define `forward`.

    Attributes:
        training: whether the module is in training mode; see `train` and `eval`.
        call_super_init: set by a subclass that also inherits from another class: `__init__` passes its arguments to that class.
    """

    training: bool
    call_super_init: bool = False
    dump_patches: bool = False  # has no effect; old code sets it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            given = f"keyword argument '{next(iter(kwargs))}'" if kwargs else f"{len(args)} positional arguments"
            raise TypeError(
                f"{self._get_name()}.__init__() got an unexpected {given}: Module.__init__ takes none; did you mean to write "
                "super().__init__() without arguments?"
            )
        self.__dict__.update(_blank_state())
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # -------------------------------------------------------------------------------------------- calling
    forward: Callable[..., Any] = _forward_unimplemented

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, and the hooks around it."""
        here = self._forward_pre_hooks or self._forward_hooks or self._backward_pre_hooks or self._backward_hooks
        if here or everywhere.forward_pre or everywhere.forward or everywhere.backward_pre or everywhere.backward:
            return HookedCall(self, args, kwargs).run()
        return self.forward(*args, **kwargs)

    # -------------------------------------------------------------------------------------------- registering
    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, found as the attribute `name`. `self.name = Parameter(...)` does the same.

        Args:
            name: without dots, and not the name of another attribute.
            param: None reserves the name for a parameter that this module does not have, such as the bias of a layer without one.

        Raises:
            AttributeError: `Module.__init__` has not run.
            KeyError: the name is empty, contains a dot, or is taken.
            TypeError: the name is not a string, or `param` is not a Parameter.
            ValueError: `param` was computed from other tensors.
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_typename(param)}' object to parameter '{name}' (nn.Parameter or None required): "
                    "wrap the tensor in nn.Parameter, or use register_buffer"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}': it is computed from other tensors "
                    f"({param.grad_fn.name()}), so training it would have no effect. Compute it in forward() instead"
                )
            param = _after_hooks(everywhere.parameter_registration, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module but is not learned, found as the attribute `name`.

        Args:
            name: without dots, and not the name of another attribute.
            tensor: None reserves the name for a buffer that this module does not have.
            persistent: whether it is part of `state_dict()`.

        Raises:
            AttributeError: `Module.__init__` has not run.
            KeyError: the name is empty, contains a dot, or is taken.
            TypeError: the name is not a string, or `tensor` is not a tensor.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_typename(tensor)}' object to buffer '{name}' (Tensor or None required)")
        self._buffers[name] = _after_hooks(everywhere.buffer_registration, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child, found as the attribute `name`. `self.name = module` does the same.

        Raises:
            AttributeError: `Module.__init__` has not run.
            KeyError: the name is empty, contains a dot, or is taken.
            TypeError: the name is not a string, or `module` is not a module.
        """
        if module is not None and not isinstance(module, Module):
            hint = ": pass an instance, not the class" if isinstance(module, type) else ""
            raise TypeError(f"{_typename(module)} is not a Module subclass{hint}")
        self._check_name("module", name, "_modules")
        self._modules[name] = _after_hooks(everywhere.module_registration, self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Another name of `add_module`."""
        self.add_module(name, module)

    def _check_name(self, kind: str, name: Any, table: str) -> None:
        self._check_initialised(kind, name)
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_typename(name)}")
        if name == "" or "." in name:
            what = 'contain ".": it separates the names of modules' if name else 'be empty string ""'
            raise KeyError(f"{kind} name can't {what}, got: '{name}'")
        if hasattr(self, name) and name not in self.__dict__[table]:
            raise KeyError(f"attribute '{name}' of {self._get_name()} already exists: it cannot become a {kind}")

    def _check_initialised(self, kind: str, name: Any) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                f"cannot assign {kind} '{name}' before Module.__init__() call: begin {self._get_name()}.__init__ with "
                "super().__init__()"
            )

    # -------------------------------------------------------------------------------------------- attributes
    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._make_room("parameter", name, "_parameters")
            self.register_parameter(name, value)
        elif name in own.get("_parameters", ()):
            self._check_none(value, "parameter", name, "nn.Parameter")
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            self._make_room("module", name, "_modules")
            self._modules[name] = _after_hooks(everywhere.module_registration, self, name, value)
        elif name in own.get("_modules", ()):
            self._check_none(value, "child module", name, "nn.Module")
            self._modules[name] = _after_hooks(everywhere.module_registration, self, name, None)
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        elif name in own.get("_buffers", ()):
            self.register_buffer(name, value, name not in self._non_persistent_buffers_set)
        else:
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        # Python calls this method for names that are not in __dict__. The tables are absent before __init__ and while unpickling.
        if name in self.__dict__.get("_parameters", ()):
            return self._parameters[name]
        for table in ("_buffers", "_modules"):
            if name in self.__dict__.get(table, ()):
                return self.__dict__[table][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        keys = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted(key for key in keys if not key[0].isdigit())

    def _make_room(self, kind: str, name: str, keep: str) -> None:
        """Remove whatever else is registered or stored under this name."""
        self._check_initialised(kind, name)
        self.__dict__.pop(name, None)
        for table in {"_parameters", "_buffers", "_modules"} - {keep}:
            self.__dict__[table].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def _check_none(self, value: Any, kind: str, name: str, wanted: str) -> None:
        if value is not None:
            raise TypeError(
                f"cannot assign '{_typename(value)}' as {kind} '{name}' ({wanted} or None expected): to use the name for "
                f"something else, del {self._get_name()}.{name} first"
            )

    # -------------------------------------------------------------------------------------------- modes and gradients
    def train(self: T, mode: bool = True) -> T:
        """Set training mode (or evaluation mode) here and below: layers such as dropout and batch normalization depend on it.

        Raises:
            ValueError: `mode` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: T) -> T:
        """Set evaluation mode here and below, as `train(False)`. It does not switch off gradients: see `no_grad`."""
        return self.train(False)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Set whether the parameters of this module and its submodules get gradients; False freezes them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Delete the gradients of all parameters, or, if not `set_to_none`, fill them with zeros."""
        if getattr(self, "_is_replica", False):
            warnings.warn(
                "zero_grad() of a data-parallel replica has no effect: its parameters are copies, whose gradients go to the "
                "parameters of the original module",
                stacklevel=2,
            )
        for parameter in self.parameters():
            grad = parameter.grad
            if set_to_none:
                parameter.grad = None
            elif grad is not None:
                grad.detach_() if grad.grad_fn is not None else grad.requires_grad_(False)
                grad.zero_()

    def apply(self: T, fn: Callable[[Module], Any]) -> T:
        """Call `fn` with every module below and then with this one, for instance to initialize the parameters."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # -------------------------------------------------------------------------------------------- printing
    def extra_repr(self) -> str:
        """What `repr` shows between the brackets, besides the children; subclasses override it. May have several lines."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        if len(lines) <= 1 and not children:
            return f"{self._get_name()}({extra})"
        return "\n  ".join([f"{self._get_name()}(", *lines, *children]) + "\n)"

    # -------------------------------------------------------------------------------------------- copying and pickling
    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**_blank_state(), **state})  # what an older version did not save gets its first value

    def _replicate_for_data_parallel(self: T) -> T:
        """A copy for another device: its own tables of buffers and modules, and no parameters yet."""
        replica = self.__new__(type(self))
        replica.__dict__ = self.__dict__.copy()
        replica._parameters = {}
        replica._buffers = self._buffers.copy()
        replica._modules = self._modules.copy()
        replica._is_replica = True
        return replica

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: each kernel is compiled when it is first used."""


def _after_hooks(hooks: OrderedDict[int, Hook], module: Module, name: str, value: Any) -> Any:
    """The value to register: `value`, or what the global registration hooks replaced it by."""
    for hook in hooks.values():
        answer = hook(module, name, value)
        value = value if answer is None else answer
    return value


def indented(text: str) -> str:
    """`text` with all lines but the first indented; empty lines stay empty."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(f"  {line}" if line.strip() else "" for line in rest)])


def _typename(value: Any) -> str:
    kind = value if isinstance(value, type) else type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
