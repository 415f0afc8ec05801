"""The nodes of the tape.

A node is three things at once: the `ctx` in which `forward` stores what `backward` needs, the `grad_fn` of the outputs, and a
list of edges to the nodes of the inputs. An edge is a pair: a node, and which of its outputs the input is. The methods of `ctx`
that `forward` calls are in `function.py`.

No node refers to a tensor that leads back to it: tensors are saved without their history. So there are no reference cycles, and a
tape is freed without Python's garbage collector.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .hooks import NodeHooks, call_hooks
from .saved import Saved

if TYPE_CHECKING:
    from ..tensor import Tensor
    from .function import Function


class Differentiable:
    """Base class of Tensor: what the tape takes gradients of."""

    _requires_grad = False
    _base: Any = None  # of a view: the tensor whose memory it shows
    _grad_fn: Node | None = None
    _output_nr = 0

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    if TYPE_CHECKING:  # all else that a Tensor has

        def __getattr__(self, name: str) -> Any: ...


def is_tensor(argument: Any) -> bool:
    return isinstance(argument, Differentiable)


def requires_grad(argument: Any) -> bool:
    return isinstance(argument, Differentiable) and argument.requires_grad


Edge = tuple["Node | None", int]
NOWHERE: Edge = (None, 0)  # the edge to an input that needs no gradient


class Node(NodeHooks):
    """One entry of the tape: the `ctx` of a `Function` call and the `grad_fn` of its outputs."""

    _ages = itertools.count()

    _function: type[Function]
    _age = -1
    next_functions: tuple[Edge, ...] = ()  # one edge for each argument of forward
    _output_like: Sequence[tuple] = ()  # of each output (shape, dtype, device)
    _saved: Sequence[Saved | None] | None = ()
    _materialize = True

    def _connect(self, edges: Sequence[Edge], output_like: Sequence[tuple]) -> None:
        """Take a place on the tape. A node is younger than those it points to: see `backward.py`."""
        self.next_functions, self._output_like = tuple(edges), output_like
        self._age = next(self._ages)

    # -------------------------------------------------------------------------- what `forward` saved
    def _moved(self, output: Tensor, to: Tensor) -> None:
        """The elements of an output were copied to the memory of another tensor: if the output was saved, that memory
        is saved instead."""
        for saved in self._saved or ():
            if saved is not None and saved.tensor.array is output.array:
                saved.tensor, saved.version = to.detach(), to._version

    def _release(self) -> None:
        """Free what was saved."""
        self._saved = None if self._saved else ()

    # -------------------------------------------------------------------------- what the user sees of `grad_fn`
    def name(self) -> str:
        """`MulBackward0` for the Functions of this package, `MyFunctionBackward` for others, as in PyTorch.

        A Function of this package whose name is not PyTorch's has PyTorch's as `torch_name`, or sets `ctx.torch_name`.
        """
        torch_name = getattr(self, "torch_name", None) or getattr(self._function, "torch_name", None)
        if torch_name is not None:
            return torch_name
        built_in = self._function.__module__.startswith("reftorch.")
        return f"{self._function.__name__.removesuffix('Function')}Backward{'0' if built_in else ''}"

    def __repr__(self) -> str:
        return f"<{type(self).name(self)} object at {id(self):#x}>"

    # -------------------------------------------------------------------------- what `backward()` does with a node
    def _run(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """The gradients for the inputs, given those of the outputs. Nothing is recorded meanwhile."""
        grads = call_hooks(self._pre_hooks, grads) if self._pre_hooks else grads
        ready: list = []
        for grad, like in zip(grads, self._output_like):
            if grad is None:
                grad = zeros(like) if self._materialize else None
            elif grad.is_sparse:
                grad = grad.to_dense()  # formulas are for dense gradients
            elif not grad.is_contiguous():
                grad = grad.contiguous()
            ready.append(grad)
        found = self._function.backward(self, *ready)
        edges = self.next_functions
        found = list(found) if isinstance(found, (tuple, list)) else [found]
        while len(found) > len(edges) and found[-1] is None:
            found.pop()
        if len(found) != len(edges):
            raise RuntimeError(
                f"function {type(self).name(self)} returned an incorrect number of gradients (expected "
                f"{len(edges)}, got {len(found)}): backward returns one for each argument of forward, "
                "None for those that have none"
            )
        for i, grad in enumerate(found):
            if grad is not None:
                node, output = edges[i]
                found[i] = None if node is None else self._fitted(i, grad, *node._output_like[output])
        return call_hooks(self._post_hooks, found, tuple(grads)) if self._post_hooks else found

    def _fitted(self, index: int, grad: Any, shape: Any, dtype: Any, device: Any) -> Tensor:
        """`grad` with the shape and dtype of the input that it belongs to."""
        if not isinstance(grad, Differentiable):
            raise RuntimeError(
                f"{type(self).name(self)} returned, at index {index}, a {type(grad).__name__} as a gradient: expected a tensor "
                "or None"
            )
        if dtype.is_complex:
            refuse_complex(dtype)
        if (grad.shape if grad.is_sparse else grad.array.shape) != shape:
            if grad.is_sparse or not expands_to(shape, grad.shape):
                wanted = f"expected shape compatible with {list(shape)}, the shape of the input"
                raise RuntimeError(f"{self._invalid(index)} got {list(grad.shape)} but {wanted}")
            grad = grad.sum_to_size(shape)
        if grad.device is not device and grad.device != device:
            raise RuntimeError(f"{self._invalid(index)} expected device {device} but got {grad.device}")
        return grad if grad.dtype is dtype else grad.to(dtype)

    def _invalid(self, index: int) -> str:
        return f"Function {type(self).name(self)} returned an invalid gradient at index {index} -"


def refuse_complex(dtype: Any) -> None:
    """Raise an error: the formulas here lack the conjugates that complex gradients need, so the gradient would be wrong."""
    if dtype.is_complex:
        raise NotImplementedError(
            f"there are no gradients of complex numbers ({dtype}): compute under no_grad(), or keep the real and the imaginary "
            "part in real tensors"
        )


def named(tensor: Any, torch_name: str) -> Any:
    """The tensor, after its node was given the name that it has in PyTorch."""
    if tensor._grad_fn is not None:
        tensor._grad_fn.torch_name = torch_name
    return tensor


def expands_to(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Whether broadcasting repeats `shape` to `target`."""
    lead = len(target) - len(shape)
    return lead >= 0 and all([n in (1, m) for n, m in zip(shape, target[lead:])])


def zeros(like: tuple) -> Tensor:
    """Zeros of (shape, dtype, device)."""
    from ..ops import creation

    shape, dtype, device = like
    return creation.zeros(shape, dtype=dtype, device=device)
