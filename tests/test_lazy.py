"""Names that are imported when they are first used: all there, listed once, and what the error says about others."""

import importlib

import pytest

import reftorch
import reftorch.nn.functional as F
from reftorch import lazy, nn

PACKAGES = [
    "reftorch",
    "reftorch.nn",
    "reftorch.nn.functional",
    "reftorch.fast",
    "reftorch.optim",
    "reftorch.transforms",
]
PACKAGES += ["reftorch.transforms.functional"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_there_and_in_the_file_that_is_listed(package):
    module = importlib.import_module(package)
    source = open(module.__file__, encoding="utf-8").read()
    names = lazy.table(source)
    assert names
    for name, home in names.items():
        value = getattr(module, name)
        assert value is getattr(importlib.import_module(home), name)
        assert getattr(module, name) is value and name in vars(module)
    assert set(names) <= set(dir(module))
    if package != "reftorch":
        assert module.__all__ == sorted(names)


def test_star_brings_all_names():
    space = {}
    exec("from reftorch.nn import *", space)
    assert space["ReLU"] is nn.ReLU and space["functional"] is F and set(nn.__all__) <= set(space)


def test_a_submodule_is_a_name_too():
    code = "from reftorch import nn\nassert nn.functional.__name__ == 'reftorch.nn.functional' and nn.init.zeros_"
    exec(code, {})
    assert reftorch.nn is nn


@pytest.mark.parametrize(
    "use, text",
    [
        (
            lambda: nn.RelU,
            r"^nn.RelU is not in reftorch; did you mean nn.ReLU or .*\? dir\(nn\) lists the names that exist$",
        ),
        (lambda: F.reluu, r"^F.reluu is not in reftorch; did you mean F.relu"),
        (lambda: nn.Xyzzy, r"^nn.Xyzzy is not in reftorch; dir\(nn\) lists the names that exist$"),
        (lambda: reftorch.zeros_lik, r"^reftorch.zeros_lik is not in reftorch; did you mean reftorch.zeros_like"),
        (lambda: reftorch.compile, r"^reftorch.compile is not in reftorch; call the module itself"),
        (lambda: nn.__path, r"^module 'reftorch.nn' has no attribute '__path'$"),
    ],
)
def test_the_error_says_what_is_there_instead(use, text):
    with pytest.raises(AttributeError, match=text):
        use()


def test_no_name_is_there_that_something_else_is_said_to_serve_for():
    assert not [name for name in lazy.INSTEAD if hasattr(reftorch, name.removeprefix("reftorch."))]


def test_a_name_that_is_assigned_counts(monkeypatch):
    monkeypatch.setattr(F, "relu", 3)
    assert F.relu == 3
    monkeypatch.undo()
    assert callable(F.relu)


@pytest.mark.parametrize(
    "line, text",
    [
        ("import math", "wanted 'from reftorch.*found 'import math'"),
        ("from . import x", "wanted 'from reftorch.*found 'from . import x'"),
        ("from math import pi as tau", "a name keeps its name"),
    ],
)
def test_lines_that_are_no_table(line, text):
    with pytest.raises(SyntaxError, match=text):
        lazy.table(f"if TYPE_CHECKING:\n    {line}\n")
