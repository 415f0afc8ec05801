"""A module is the root of a tree of modules: how to traverse it, and how to find one member by its dotted name.

Each node of the tree keeps three dictionaries: parameters, buffers and child modules. A name such as `"encoder.0.weight"` is the
path from the root: child `encoder`, its child `0`, and there the parameter `weight`. The iterators go depth first, parents before
children, in the order of registration. A member that is reached on two branches is yielded once, under its first name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from reftorch.nn.parameter import Parameter
from reftorch.tensor import Tensor

if TYPE_CHECKING:
    from reftorch.nn.module import Module


class ModuleTree:
    """The part of `Module` that reads the tree. Only `set_submodule` changes the tree."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def _get_name(self) -> str:
        return type(self).__name__

    # -------------------------------------------------------------------------------------------- modules
    def children(self) -> Iterator[Module]:
        """The modules directly below this one, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one with their names, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all modules below it, each once unless `remove_duplicate` is False."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module and all modules below it with their dotted names.

        Args:
            memo: modules that are left out; those yielded are added to it.
            prefix: the name of this module, put before all others.
            remove_duplicate: whether a module that is found on two branches is yielded once only.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, _join(prefix, name), remove_duplicate)

    # -------------------------------------------------------------------------------------------- parameters and buffers
    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, as an optimizer takes them; of this module alone if `recurse` is False."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted names.

        Args:
            prefix: the name of this module, put before all names.
            recurse: whether to descend into the modules below.
            remove_duplicate: whether a parameter that is shared is yielded once only.
        """
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers; of this module alone if `recurse` is False."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their dotted names; the arguments are those of `named_parameters`."""
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def _named_members(
        self,
        get_members_fn: Callable[[Any], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        """What `get_members_fn` finds in each module, except None, under its dotted name."""
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        seen = set()
        for path, module in modules:
            for name, member in get_members_fn(module):
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield _join(path, name), member

    # -------------------------------------------------------------------------------------------- finding by name
    def get_submodule(self, target: str) -> Module:
        """The module at the dotted name `target`; this module itself for `""`.

        The cost is the depth of the name, where a search through `named_modules()` costs the size of the network.

        Raises:
            AttributeError: there is nothing of that name, or what is there is not a module.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            module = _child(module, name)
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the dotted name `target`.

        Raises:
            AttributeError: there is nothing of that name, or what is there is not a parameter.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        parameter = _attribute(module, name)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"{_place(module, name)} is not an nn.Parameter but a {type(parameter).__name__}")
        return parameter

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted name `target`.

        Raises:
            AttributeError: there is nothing of that name, or what is there is not a buffer.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        buffer = _attribute(module, name)
        if name not in module._buffers:
            raise AttributeError(f"{_place(module, name)} is not a buffer: buffers are made by register_buffer()")
        return buffer

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at the dotted name `target`, in place of the module there or, unless `strict`, as a new one.

        Raises:
            ValueError: `target` is empty, or `module` is not a module.
            AttributeError: a part of the name does not exist or is not a module.
        """
        if target == "":
            raise ValueError("set_submodule() got an empty target: a module cannot replace itself, name a submodule")
        if not isinstance(module, ModuleTree):
            raise ValueError(f"set_submodule() expects an nn.Module for `{target}`, got a {type(module).__name__}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            _child(parent, name)
        setattr(parent, name, module)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _place(module: Any, name: str) -> str:
    return f"`{name}` of {module._get_name()}"


def _attribute(module: Any, name: str) -> Any:
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)


def _child(module: Any, name: str) -> Any:
    child = _attribute(module, name)
    if not isinstance(child, ModuleTree):
        raise AttributeError(f"{_place(module, name)} is not an nn.Module but a {type(child).__name__}")
    return child
