"""F.normalize against torch: every p, any dimensions, short vectors, what is refused."""

import math

import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ScriptCase, array, distinct

nan, inf = math.nan, math.inf


def of(id, *shape, args=(), **kwargs):
    return FunctionCase("normalize", [distinct(*shape)], args=args, kwargs=kwargs, id=id)


def of_numbers(id, values, p=2.0, **kwargs):
    return FunctionCase("normalize", [array(values)], args=[p], kwargs=kwargs, id=id, gradcheck=False)


def into_another(torch, x):
    out = x.new_empty(2, 3)
    with torch.no_grad():
        returned = torch.nn.functional.normalize(x, out=out)
    return out, returned is out


ZEROS = [[0.0, 2, -1], [3, 0, 4], [1, 1, -1]]
CASES = [
    of("rows", 4, 3),
    of("images", 2, 3, 2, 2),
    of("positional", 3, 4, args=(3.0, 0, 0.5)),
    of("last dimension", 2, 3, 4, dim=-1),
    of("first dimension", 3, 2, 2, dim=0),
    of("a vector", 4, dim=0),
    of("a number", dim=0),
    of("two dimensions", 2, 3, 4, dim=(0, 2)),
    of("all dimensions", 2, 3, dim=None),
    of("no dimensions named", 2, 3, dim=()),
    of("no rows", 0, 3),
    of("no elements", 3, 0),
    of("p None", 2, 3, p=None),
    of("p a word", 2, 3, p="fro"),
    of("large", 7, 30, 20),
    *[of(f"p {p}", 3, 4, p=p) for p in (1, 3, 1.5, 0.5, -1, inf, -inf)],
    of("p 0", 3, 4, p=0),
    *[of_numbers(f"zeros, p {p}", ZEROS, p) for p in (0, 1, 2, 3, 1.5, inf)],
    *[of_numbers(f"nothing but zeros, p {p}", [[0.0, 0], [1, 2]], p) for p in (1, 2, 3, inf, -1)],
    of_numbers("below and at epsilon", [[1e-13, 0], [0.3, 0.4], [3, 4]], eps=0.5),
    of_numbers("length is epsilon", [[1.0, 0]], eps=1.0),
    of_numbers("ties", [[1.0, -3, 3], [2, 2, -2]], inf),
    of_numbers("huge and tiny", [[1e30, 1e30], [1e-30, 1e-30]]),
    *[of_numbers(f"NaN and infinity, p {p}", [[nan, 1], [1, nan], [1, 2]], p) for p in (1, 2, inf, -inf)],
    of_numbers("infinity", [[inf, 1], [-inf, 2]]),
    ScriptCase("normalize", run=into_another, inputs=[distinct(2, 3)], id="out", gradcheck=False),
]
MUTANT_CASES = [case for case in CASES if case.id in ("rows", "p 1", "below and at epsilon", "ties")]


def call(*shape, dtype="float32", leaf=False, out=None, **kwargs):
    def run(torch):
        given = dict(kwargs) if out is None else {**kwargs, "out": torch.empty(shape, dtype=getattr(torch, out))}
        torch.nn.functional.normalize(torch.ones(shape, dtype=getattr(torch, dtype), requires_grad=leaf), **given)

    return run


ERRORS = [
    ErrorCase(call(3), ["out of range", "1"], id="a vector, dim 1"),
    ErrorCase(call(2, 3, dim=5), ["out of range", "5"], id="dimension"),
    ErrorCase(call(2, 3, dim=(1, 1)), ["1", "multiple times"], id="dimension twice"),
    ErrorCase(call(2, 3, dtype="int64"), ["floating point", "int64"], id="int64"),
    ErrorCase(call(2, 0, p=inf), ["not defined"], id="largest of nothing"),
    ErrorCase(call(2, 3, p="x"), ["x", "not supported"], id="p a word"),
    ErrorCase(call(2, 3, eps="1"), ["eps", "str"], id="eps a word"),
    ErrorCase(call(2, 3, leaf=True, out="float32"), ["out=", "requires grad"], id="out, gradient"),
    ErrorCase(call(2, 3, out="int64"), ["cast", "int64"], id="out of integers"),
    ErrorCase(lambda torch: torch.nn.functional.normalize([1.0]), ["list"], raises=TypeError, id="list"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


@pytest.mark.parametrize("p", [1, 2, 3.5, inf])
def test_the_result_has_norm_1(p):
    y = F.normalize(reftorch.randn(5, 8, dtype=reftorch.float64), p)
    assert (y.norm(p, 1) - 1).abs().max() < 1e-12
