"""The tape. Read `ladder.py` first: all of it on one screen. Then `function.py`, `node.py` (what is kept) and `backward.py`."""

from .mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled  # isort: skip
from .hooks import RemovableHandle, add_hook  # isort: skip
from .node import Node  # isort: skip
from .accumulate import AccumulateGrad  # isort: skip
from .function import Function  # isort: skip
from .anomaly import Variable, detect_anomaly, is_anomaly_enabled, set_detect_anomaly  # isort: skip
from .backward import backward, grad  # isort: skip
from .gradcheck import GradcheckError, gradcheck  # isort: skip
from .view import draw, explain  # isort: skip

__all__ = [
    "AccumulateGrad",
    "Function",
    "GradcheckError",
    "Node",
    "RemovableHandle",
    "Variable",
    "add_hook",
    "backward",
    "detect_anomaly",
    "draw",
    "enable_grad",
    "explain",
    "grad",
    "gradcheck",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
