"""Cutting a component file: what goes, what stays, and mistakes that are put in."""

import ast

import pytest

from reftorch.course.assignment import read
from reftorch.course.cut import functions, mutated, stub, telling_lines
from reftorch.course.mutants import Mutant

RELU, CONV = read("relu"), read("conv2d_forward")


def test_functions_by_qualified_name():
    found = functions("def a(): pass\nclass B:\n    def c(self): pass\n    x = 1\nasync def d(): pass\n")
    assert list(found) == ["a", "B.c", "d"]


def test_a_stub_keeps_signature_formula_and_note():
    text = stub(RELU)
    before, after = functions(RELU.source.read_text()), functions(text)
    assert list(before) == list(after)
    for name in RELU.cut:
        assert ast.dump(before[name].args) == ast.dump(after[name].args)
        assert list(map(ast.dump, before[name].decorator_list)) == list(map(ast.dump, after[name].decorator_list))
        assert ast.unparse(after[name].body[0]) == f"raise NotImplementedError('{name} is yours to write')"
    assert "# YOURS: for every i, write y[i]." in text
    assert r"# $$y_i = \max(0, x_i)$$" in text
    assert "class ReluFunction(Function):" in text


def test_what_shares_lines_with_the_solution_goes_too():
    text = stub(CONV)
    assert "conv2d_backward_weight_cpu is not asked: reftorch supplies it" in text
    assert not telling_lines(CONV.source.read_text(), CONV.cut) & {line.strip() for line in text.splitlines()}


def test_docstrings_of_methods_stay():
    assert "Add a parameter, found as the attribute `name`" in stub(read("module"))


def test_telling_lines():
    source = 'def f(x):\n    """Text."""\n    if x:\n        return\n    else:\n        y = (\n            x + 1\n        )\n'
    assert telling_lines(source, ["f"]) == {"if x:", "y = (", "x + 1"}


def test_a_mistake_is_put_into_one_function_only():
    source = "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return x + 1\n"
    wrong = mutated(source, Mutant("minus", "g", "x + 1", "x - 1", "says"))
    assert wrong == "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return x - 1\n"


def test_a_mistake_of_several_lines_fits_the_cuda_twin():
    source = "def k_cuda(x):\n    a = 1\n    b = 2\n    return a\n"
    mutant = Mutant("two", "k_cuda", "a = 1\n            b = 2", "a = 2\n            b = 1", "says")
    assert mutated(source, mutant) == "def k_cuda(x):\n    a = 2\n    b = 1\n    return a\n"


@pytest.mark.parametrize(
    "mutant, said", [(("m", "g", "x", "y", ""), "no function g"), (("m", "f", "x", "y", ""), "2 times")]
)
def test_a_mistake_must_fit(mutant, said):
    with pytest.raises(LookupError, match=said):
        mutated("def f(x):\n    return x\n", Mutant(*mutant))
