"""What a node keeps of a tensor for the backward pass, and how it detects that the tensor was changed in the meantime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..tensor import Tensor
    from .node import Node


class Saved:
    """The elements of a tensor that a node needs, and the version that they had.

    An alias without history is kept and not the tensor itself: an output knows its node, and an input may, after an
    in-place operation, come from it. Node and tensor would keep each other alive.
    """

    __slots__ = ("tensor", "version")

    def __init__(self, tensor: Any):
        self.tensor, self.version = tensor.detach(), tensor._counter.value

    def unpack(self, node: Node) -> Tensor:
        if self.tensor._counter.value != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"the tensor of shape {list(self.tensor.shape)} that {type(node).name(node)} saved is at version "
                f"{self.tensor._version}; expected version {self.version} instead. Hint: clone() it first, or use the "
                "operation that is not in place"
            )
        return self.tensor
