"""Tensor: an array, a dtype, a device, and a place on the tape.

The numbers are in `.array`, a NumPy array or a CUDA device array. A view (`x[:, 0]`, `x.t()`, `x.view(...)`) is another Tensor over
the same memory. Tensors that share memory share a version counter, which every in-place operation turns: so `backward` can
tell that something it needs was overwritten.

A tensor's place on the tape is `grad_fn`, the node that computed it, and which of the node's outputs it is. Operations live in
`reftorch.ops`; the methods that call them are in `methods.py`.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from . import autograd, types
from .autograd.function import Function
from .autograd.hooks import RemovableHandle, add_hook
from .autograd.mode import is_grad_enabled
from .autograd.node import NOWHERE, AccumulateGrad, Differentiable, Edge, Node
from .methods import TensorMethods
from .protocols import TensorProtocols
from .types import CPU, Size, from_numpy_dtype

CUDA = types.device("cuda:0")


class _Counter:
    """How often the memory that some tensors share was written to."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def bump(self) -> None:
        self.value += 1


class Overwrite(Function):
    """A base after one of its views was written to: dbase = dy outside the view, dview = dy inside."""

    @staticmethod
    def node(base: Tensor, steps: Any, written: Edge) -> Node:
        """The place on the tape of `base` now that the part that `steps` lead to comes from the edge `written`."""
        node = Node(Overwrite)
        node.steps = steps  # type: ignore[attr-defined]
        node.needs_input_grad = (base.requires_grad, True)
        edge = base._edge() if base.requires_grad else NOWHERE
        node.connect((edge, written), [(base.array.shape, base.dtype, base.device)])
        return node

    @staticmethod
    def backward(ctx, grad_y):
        grad_base = grad_y.clone()
        part = view_again(ctx.steps, grad_base)
        grad_part = part.clone()
        part.zero_()
        return grad_base, grad_part


def view_again(steps: Any, base: Tensor) -> Tensor:
    """Go from a base to one of its views: `steps` is a chain (steps before, Function, arguments), empty for the base."""
    chain = []
    while steps:
        steps, *step = steps
        chain.append(step)
    for function, args in reversed(chain):
        base = function.apply(base, *args)
    return base


class Tensor(TensorMethods, TensorProtocols, Differentiable):
    """An n-dimensional array that can be differentiated. Made by `reftorch.tensor`, `zeros`, `randn` and the like."""

    array: Any
    dtype: types.dtype
    device: types.device
    _counter: _Counter
    _grad: Tensor | None = None
    _base: Tensor | None = None  # of a view: the tensor whose memory it shows,
    _steps: tuple | None = ()  # and how to view it so again; None if that cannot be told
    _history = 0  # of a base: how often an in-place operation gave it a new place on the tape
    _seen_history = 0
    _retains_grad = False
    _own_hooks: OrderedDict | None = None
    _after_accumulation: OrderedDict | None = None
    _accumulator: weakref.ref | None = None
    __array_priority__ = 1000  # ndarray * tensor is ours

    def __new__(cls, *data: Any, device: Any = None) -> Any:
        """The old constructor: `Tensor(2, 3)` is not set, `Tensor([1, 2])` holds floats; prefer `empty` and `tensor`."""
        from .ops import creation

        if len(data) == 1 and not isinstance(data[0], (int, Size)):
            made = creation.tensor(data[0], dtype=types.float32, device=device)
        else:
            made = creation.empty(*(data or (0,)), dtype=types.float32, device=device)
        made.__class__ = cls
        return made

    def __init__(self, *data: Any, **options: Any):
        pass

    @staticmethod
    def _make(array: Any, device: types.device = CPU, dtype: types.dtype | None = None) -> Tensor:
        """A tensor over this array, without history."""
        self: Tensor = object.__new__(Tensor)
        if device.type == "cpu":
            if type(array) is not np.ndarray:
                array = np.asarray(array)
            self.device = CPU
        else:
            self.device = CUDA
        self.array = array
        self.dtype = from_numpy_dtype(array.dtype) if dtype is None else dtype
        self._counter = _Counter()
        return self

    # -------------------------------------------------------------------------------- geometry
    @property
    def shape(self) -> Size:
        """The extents of the dimensions."""
        return Size(self.array.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the extent of dimension `dim`."""
        if dim is None:
            return self.shape
        from .ops.shape import wrap_dim

        if self.ndim == 0:
            raise IndexError("dimension specified as 0 but tensor has no dimensions")
        return self.array.shape[wrap_dim(dim, self.ndim)]

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def stride(self, dim: int | None = None) -> Any:
        """How many elements apart in memory neighbours along each dimension are."""
        strides = tuple(s // self.array.dtype.itemsize for s in self.array.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in memory one after the other, the last dimension fastest."""
        if self.device.type == "cpu":
            return self.array.flags.c_contiguous
        expected = self.array.dtype.itemsize
        for extent, stride in zip(reversed(self.array.shape), reversed(self.array.strides)):
            if extent != 1 and stride != expected and self.array.size:
                return False
            expected *= extent
        return True

    def data_ptr(self) -> int:
        """The address of the first element."""
        if self.device.type == "cpu":
            return self.array.ctypes.data
        return int(self.array.__cuda_array_interface__["data"][0])

    # -------------------------------------------------------------------------------- place on the tape
    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor."""
        if self._base is not None and self._seen_history != self._base._history:
            self._refresh()
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Say whether gradients are wanted for this leaf.

        Raises:
            RuntimeError: integers have no gradient; a computed tensor's flag cannot be taken away.
        """
        if not isinstance(requires_grad, (bool, np.bool_)):
            raise TypeError(f"requires_grad must be a bool, found {type(requires_grad).__name__}")
        if requires_grad and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, and this one is {self.dtype}"
            )
        if not requires_grad and self.grad_fn is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._requires_grad = bool(requires_grad)
        return self

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed this tensor; None for a leaf."""
        if self._base is not None and self._seen_history != self._base._history:
            self._refresh()
        return self._grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user and not computed from one that requires grad."""
        return self.grad_fn is None

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` this tensor is."""
        return self._output_nr

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` accumulated here."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            for what in ("shape", "dtype", "device"):
                if getattr(value, what) != getattr(self, what):
                    raise RuntimeError(
                        f"assigned grad has {what} {getattr(value, what)}, but the tensor has {getattr(self, what)}"
                    )
        self._grad = value

    def _edge(self) -> tuple[Node, int]:
        """Where the gradient with respect to this tensor is sent."""
        node = self.grad_fn
        if node is not None:
            return node, self._output_nr
        accumulator = self._accumulator() if self._accumulator is not None else None
        if accumulator is None:
            accumulator = AccumulateGrad(self)
            self._accumulator = weakref.ref(accumulator)  # the tape keeps the leaf alive, not the leaf the tape
        return accumulator, 0

    def _attach(self, node: Node, output: int) -> Tensor:
        """From now on this tensor is output number `output` of `node`."""
        self._grad_fn, self._output_nr, self._requires_grad = node, output, True
        if self._retains_grad:
            self._retain_at(node)
        return self

    def _is_view_of(self, x: Tensor, function: type[Function], args: tuple) -> None:
        self._base = x if x._base is None else x._base
        self._seen_history = self._base._history
        self._counter = x._counter
        # what was viewed under no_grad must not get a history later
        self._steps = None if x._steps is None or not is_grad_enabled() else (x._steps, function, args)

    def _forget_view(self) -> None:
        """An output of a Function is not a view to the tape, though it may share memory with an input."""
        if self._base is not None:
            self._steps, self._seen_history = None, self._base._history

    def _refresh(self) -> None:
        """The base has a new place on the tape: take this view of it once more."""
        assert self._base is not None
        self._seen_history = self._base._history
        if self._steps is not None:
            with autograd.enable_grad():
                again = view_again(self._steps, self._base)
            if again._grad_fn is not None:
                self._attach(again._grad_fn, again._output_nr)

    # -------------------------------------------------------------------------------- changing in place
    @property
    def _version(self) -> int:
        return self._counter.value

    def _check_inplace(self, recording: bool) -> None:
        """Refuse to overwrite what must not be. `recording`: whether the operation will be on the tape.

        Raises:
            RuntimeError: a leaf that requires grad (or a view of one), or elements that share memory.
        """
        if recording and self.requires_grad and self.is_leaf:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation: its value before "
                "would be lost to the tape. Do it inside `with torch.no_grad():`"
            )
        if recording and self._base is not None:
            if self._steps is None:
                raise RuntimeError(
                    "A view that was made under no_grad, or returned by a custom Function, is being modified inplace "
                    "with grad mode enabled: the tape could not tell what becomes of the other views of this memory. "
                    "Make the view where recording is on, or write into a clone()"
                )
            if self._base.is_leaf and self._base.requires_grad:
                raise RuntimeError(
                    "a view of a leaf Variable that requires grad is being used in an in-place operation. Do it "
                    "inside `with torch.no_grad():`"
                )
        shape, strides = self.array.shape, self.array.strides
        if 0 in strides and 0 not in shape and any(n > 1 and s == 0 for n, s in zip(shape, strides)):
            raise RuntimeError(
                "unsupported operation: more than one element of the written-to tensor refers to a single memory "
                "location. Please clone() the tensor before performing the operation."
            )

    def _snapshot(self) -> Tensor:
        """The same numbers in other memory, at the same place on the tape: what an in-place operation starts from."""
        copied = self.detach().clone()
        if self.requires_grad:
            node, output = self._edge()
            copied._attach(node, output)
        return copied

    def _become(self, result: Tensor) -> Tensor:
        """Take over the numbers of `result` and its place on the tape.

        Raises:
            RuntimeError: another shape, or a dtype that would lose its category.
        """
        if result.shape != self.shape:
            raise RuntimeError(
                f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(result.shape)}"
            )
        if result.dtype is not self.dtype:
            from .ops.promotion import category

            if category(result.dtype) > category(self.dtype):
                raise RuntimeError(f"result type {result.dtype} can't be cast to the desired output type {self.dtype}")
            result = result.to(self.dtype)
        with autograd.no_grad():
            from .ops.inplace import _write

            _write(self, result)
        self._counter.bump()
        if result.requires_grad:
            self._rebase(*result._edge())
        return self

    def _rebase(self, node: Node, output: int) -> None:
        """After an in-place operation this tensor is an output of `node`; if it is a view, so is a part of its base."""
        changed = self if self._base is None else self._base
        if self._base is not None:
            node, output = Overwrite.node(changed, self._steps, (node, output)), 0
        changed._attach(node, output)
        changed._history += 1

    # -------------------------------------------------------------------------------- gradients
    def backward(
        self, gradient: Any = None, retain_graph: Any = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor (weighted by `gradient`) to the `.grad` of the leaves it was computed from."""
        autograd.backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory without history."""
        alias = Tensor._make(self.array, self.device, self.dtype)
        alias._counter = self._counter
        return alias

    def detach_(self) -> Tensor:
        """Forget the history."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._grad_fn, self._output_nr, self._requires_grad = None, 0, False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without history, and with a version counter of its own."""
        return Tensor._make(self.array, self.device, self.dtype)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self._requires_grad and not (value.dtype.is_floating_point or value.dtype.is_complex):
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex dtype, found "
                f"{value.dtype}"
            )
        self.array, self.dtype, self.device = value.array, value.dtype, value.device
        self._accumulator = None

    @property
    def _hooks(self) -> OrderedDict:
        if self._own_hooks is None:
            self._own_hooks = OrderedDict()
        return self._own_hooks

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad)` when the gradient of this tensor is known; what it returns replaces it."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node = self.grad_fn
        return add_hook(self._hooks if node is None else node.tensor_hooks(self._output_nr), hook)

    def register_post_accumulate_grad_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(tensor)` after a gradient was added to this leaf's `.grad`."""
        if not (self.requires_grad and self.is_leaf):
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        self._after_accumulation = self._after_accumulation or OrderedDict()
        return add_hook(self._after_accumulation, hook)

    def retain_grad(self) -> None:
        """Keep the gradient in `.grad` though this is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        node = self.grad_fn
        if node is not None:
            self._retains_grad = True
            self._retain_at(node)

    def _retain_at(self, node: Node) -> None:
        node._retained = {} if node._retained is None else node._retained
        node._retained[self._output_nr] = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called."""
        return self._retains_grad


from . import ops  # noqa: E402, F401  the operations need Tensor
