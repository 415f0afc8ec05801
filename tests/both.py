"""The same lines run on two libraries: on reftorch, and on PyTorch, which shows that what a test expects is right.

@both
def test_something(torch):          # once with torch = reftorch, once with the real one, where it is installed
    assert ...

same_outcome(lambda torch: ...)     # both give the same repr, or raise the same type of exception
"""

import warnings

import pytest

import reftorch
import reftorch.nn

try:
    import torch as pytorch
except ImportError:
    pytorch = None

needs_pytorch = pytest.mark.skipif(pytorch is None, reason="PyTorch is not installed")
both = pytest.mark.parametrize(
    "torch",
    [
        pytest.param(reftorch, id="reftorch"),
        pytest.param(pytorch, id="pytorch", marks=needs_pytorch),
    ],
)


def outcome(action, torch):
    """The repr of what `action(torch)` returns, or the type of the exception that it raises."""
    try:
        return repr(action(torch))
    except Exception as error:
        return f"raises {type(error).__name__}"


def same_outcome(action):
    assert outcome(action, reftorch) == outcome(action, pytorch)


def builtin_outcome(action, torch):
    """What `action(torch)` returns, or the builtin type of the exception that it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return action(torch)
    except Exception as error:
        return next(base for base in type(error).__mro__ if base.__module__ == "builtins")
