"""The tape. Read `function.py` first, then `node.py` (what is remembered) and `backward.py` (how it is walked)."""

from .mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled  # isort: skip
from .hooks import RemovableHandle, add_hook  # isort: skip
from .node import AccumulateGrad, Node  # isort: skip
from .function import Function  # isort: skip
from .backward import backward, grad  # isort: skip
from .gradcheck import GradcheckError, gradcheck  # isort: skip
from .view import draw, explain  # isort: skip

__all__ = [
    "AccumulateGrad",
    "Function",
    "GradcheckError",
    "Node",
    "RemovableHandle",
    "add_hook",
    "backward",
    "draw",
    "enable_grad",
    "explain",
    "grad",
    "gradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]
