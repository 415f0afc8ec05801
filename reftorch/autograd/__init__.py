"""The tape. Read `function.py` first (what is remembered), then `backward.py` (how it is walked)."""

from .mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled  # isort: skip
from .hooks import RemovableHandle, add_hook  # isort: skip
from .function import AccumulateGrad, Function, Node  # isort: skip
from .backward import backward, grad  # isort: skip
from .gradcheck import GradcheckError, gradcheck  # isort: skip

__all__ = [
    "AccumulateGrad",
    "Function",
    "GradcheckError",
    "Node",
    "RemovableHandle",
    "add_hook",
    "backward",
    "enable_grad",
    "grad",
    "gradcheck",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]
