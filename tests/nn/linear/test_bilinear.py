"""Bilinear and F.bilinear against torch: any dimensions before the features, dtypes, what is refused."""

import math

import numpy as np
import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, integers, normal


def layer(id, *lead, args=(3, 2, 4), **kwargs):
    return ModuleCase("Bilinear", [(*lead, args[0]), (*lead, args[1])], args=args, kwargs=kwargs, id=id)


def infinite(big, zero):
    """An infinite element and a zero: which sums come first decides between NaN and infinity."""
    names, shapes = ["u", "v", "weight", "grad_y"], [(2, 3), (2, 2), (2, 3, 2), (2, 2)]
    arrays = [np.random.default_rng(0).uniform(0.5, 2, shape) for shape in shapes]
    arrays[names.index(big)].flat[0] = math.inf
    arrays[names.index(zero)].flat[big == zero] = 0

    def run(torch, *given):
        *leaves, grad_y = [each.clone().requires_grad_() for each in given]
        y = torch.nn.functional.bilinear(*leaves)
        return y.detach(), *torch.autograd.grad(y, leaves, grad_y)

    return ScriptCase(
        "bilinear",
        run=run,
        inputs=[array(each, grad=False) for each in arrays],
        id=f"infinite {big}, zero {zero}",
        gradcheck=False,
    )


CASES = [
    layer("rows", 5),
    layer("one row"),
    layer("sequences", 2, 3),
    layer("no bias", 4, bias=False),
    layer("one feature", 4, args=(1, 1, 1)),
    layer("no rows", 0),
    layer("no outputs", 2, args=(3, 2, 0)),
    layer("large", 50, args=(13, 20, 7)),
    FunctionCase("bilinear", [(4, 3), (4, 2), (5, 3, 2)], id="no bias"),
    FunctionCase("bilinear", [(4, 3), (4, 2), (5, 3, 2), (5,)], id="bias"),
    FunctionCase(
        "bilinear", [integers(-5, 5, 4, 3), integers(-5, 5, 4, 2), integers(-5, 5, 5, 3, 2)], id="integers", exact=True
    ),
    FunctionCase("bilinear", [normal(4, 3, grad=False), (4, 2), normal(5, 3, 2, grad=False)], id="one gradient"),
    FunctionCase(
        "bilinear",
        [array([[float("nan"), 1]]), array([[1.0, 2]]), array([[[1.0, 2], [0, 1]]])],
        id="NaN",
        gradcheck=False,
    ),
    *[infinite(big, zero) for big in ("u", "v", "grad_y") for zero in ("u", "v", "weight")],
]
MUTANT_CASES = [case for case in CASES if case.id in ("rows", "bias")]


def of(first=(2, 3), second=(2, 4), weight=(5, 3, 4), bias=None, dtypes=("float32",) * 4):
    def call(torch):
        shapes = zip((first, second, weight, bias), dtypes)
        given = [None if s is None else torch.ones(s, dtype=getattr(torch, dtype)) for s, dtype in shapes]
        torch.nn.functional.bilinear(*given)

    return call


F32, F64 = "float32", "float64"
ERRORS = [
    ErrorCase(of(first=(1, 3)), ["dim 0", "1 and 2"], id="no broadcast"),
    ErrorCase(of(first=(2, 2, 3)), ["dimensions", "3 and 2"], id="ranks"),
    ErrorCase(of(first=(2, 2)), ["input1", "2", "3"], id="first features"),
    ErrorCase(of(second=(2, 3)), ["input2", "3", "4"], id="second features"),
    ErrorCase(of(weight=(3, 4)), ["weight", "[3, 4]"], id="weight's rank"),
    ErrorCase(of(bias=(3,)), ["bias", "[3]", "[5]"], id="bias's size"),
    ErrorCase(of(bias=(1,)), ["bias", "[1]", "[5]"], id="bias not broadcast"),
    ErrorCase(of(first=(), second=(), weight=(5, 1, 1)), ["no dimensions"], id="numbers"),
    ErrorCase(of(dtypes=(F32, F64, F32, F32)), ["input2", F64, F32], id="second dtype"),
    ErrorCase(of(dtypes=(F32, F32, F64, F32)), ["weight", F64, F32], id="weight's dtype"),
    ErrorCase(of(bias=(5,), dtypes=(F32, F32, F32, F64)), ["bias", F64, F32], id="bias's dtype"),
    ErrorCase(of(dtypes=("bool",) * 4), ["bilinear", "bool"], id="bool"),
    ErrorCase(lambda torch: torch.nn.functional.bilinear([1.0], None, None), ["input1", "Tensor", "list"], id="list"),
    ErrorCase(
        lambda torch: torch.nn.functional.bilinear(torch.ones(1, 1), None, None), ["input2", "NoneType"], id="None"
    ),
    ErrorCase(lambda torch: torch.nn.Bilinear(0, 3, 4), ["in1_features", "> 0"], id="layer, no features"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_with_the_second_input_fixed_it_is_linear():
    u, v, weight, bias = reftorch.randn(5, 3), reftorch.randn(1, 2), reftorch.randn(4, 3, 2), reftorch.randn(4)
    matrix = (weight * v.reshape(1, 1, 2)).sum(-1)
    assert reftorch.allclose(F.bilinear(u, v.expand(5, 2), weight, bias), F.linear(u, matrix, bias), atol=1e-6)


def test_tensors_on_two_devices(cuda_device):
    """Weight and bias together, which a check of each pair does not find."""
    layer = reftorch.nn.Bilinear(2, 2, 3).to("cuda")
    x = reftorch.ones(4, 2)
    with pytest.raises(RuntimeError, match="same device"):
        layer(x, x)
    with pytest.raises(RuntimeError, match="same device"):
        layer(x.to("cuda"), x)
