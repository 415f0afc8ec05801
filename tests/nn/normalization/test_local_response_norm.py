"""LocalResponseNorm and F.local_response_norm against torch: odd and even windows, the ends, any dimensions."""

import math

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, array, uniform

nan, inf = math.nan, math.inf
STRONG = dict(alpha=2.0, beta=0.6, k=0.5)


def norm(id, *shape, size=3, **kwargs):
    given = {**STRONG, **kwargs}
    strided = len(shape) < 5  # more dimensions must be contiguous in PyTorch
    return FunctionCase("local_response_norm", [uniform(-2, 2, *shape)], (size,), given, id=id, strided=strided)


def of_numbers(id, values, size, **kwargs):
    return FunctionCase("local_response_norm", [array(values)], args=(size,), kwargs=kwargs, id=id, gradcheck=False)


CASES = [
    ModuleCase("LocalResponseNorm", [(2, 5, 3)], args=(3,), id="default"),
    ModuleCase("LocalResponseNorm", [(2, 5, 2, 2)], args=(2, 0.5, 0.6, 2.0), id="positional"),
    norm("odd", 2, 6, 3),
    norm("even", 2, 6, 3, size=4),
    norm("of two", 2, 5, 2, 2, size=2),
    norm("of one", 2, 4, 3, size=1),
    norm("wider than the channels", 2, 3, 4, size=9),
    norm("volumes", 1, 4, 2, 2, 3),
    norm("more dimensions", 1, 4, 1, 2, 1, 3),
    norm("beta negative", 1, 4, 3, beta=-0.5),
    norm("ints", 1, 4, 3, alpha=1, beta=2, k=1),
    norm("empty", 0, 4, 3),
    norm("no positions", 2, 4, 0),
    norm("large", 4, 7, 20, 21, size=4),
    of_numbers("zero", [[[0.0, 0], [0, 1]]], 2, k=0.0),
    of_numbers("negative sum", [[[1.0, 2], [1, 1]]], 2, alpha=-10.0),
    of_numbers("NaN and infinity", [[[inf], [1.0], [nan], [2], [3], [4]]], 3),
]
MUTANT_CASES = [case for case in CASES if case.id in ("odd", "even")]


def of(*args, shape=(2, 3, 4), dtype="float32", **kwargs):
    return lambda torch: torch.nn.functional.local_response_norm(
        torch.ones(*shape, dtype=getattr(torch, dtype)), *args, **kwargs
    )


ERRORS = [
    ErrorCase(of(2, shape=(2, 3)), ["3D", "2 dimensions"], id="two dimensions"),
    ErrorCase(of(0), ["size", "0"], id="size 0"),
    ErrorCase(of(-1), ["size", "-1"], id="size negative"),
    ErrorCase(of(2.0), ["size", "int", "float"], id="size a float"),
    ErrorCase(of(True), ["size", "bool"], id="size a bool"),
    ErrorCase(of(2, alpha="1"), ["alpha", "str"], id="alpha a word"),
    ErrorCase(of(2, dtype="int64"), ["int64", "float()"], raises=NotImplementedError, id="int64"),
    ErrorCase(lambda torch: torch.nn.functional.local_response_norm([1.0], 2), ["list"], raises=TypeError, id="list"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_nothing_is_changed_without_elements():
    x = reftorch.ones(0, 3, 4)
    assert F.local_response_norm(x, 2) is x
