"""FractionalMaxPool2d against torch: the windows that are drawn, sizes and ratios, places, and what it refuses."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, Run, array, distinct, uniform

SIZE = (2, 2, 6, 5)
OUT = (3, 4)


def case(id, *args, size=SIZE, **kwargs):
    """torch draws its windows from the same seed, and others in each call: so no finite differences."""
    return ModuleCase("FractionalMaxPool2d", [distinct(*size)], args, kwargs, id=id, exact=True, gradcheck=False)


CASES = [
    case("one size", 2, 3),
    case("sizes", 2, OUT),
    case("ratio", 2, output_ratio=0.5),
    case("ratios", 2, output_ratio=(0.5, 0.7)),
    case("evaluation draws too", 2, OUT, return_indices=True),
    case("one output", 2, 1),
    case("all that fit", 2, (5, 4)),
    case("unbatched", 2, 2, size=SIZE[1:]),
    case("unbatched, no channels", 2, 2, size=(0, *SIZE[2:])),
    case("empty batch", 2, 2, size=(0, *SIZE[1:])),
    case("window of one", 1, OUT),
    case("large", 3, 4, size=(3, 4, 17, 13)),
    FunctionCase(
        "fractional_max_pool2d", [distinct(*SIZE)], (2, OUT, None, True), id="places", exact=True, gradcheck=False
    ),
    FunctionCase("fractional_max_pool2d_with_indices", [distinct(*SIZE)], (2, OUT), exact=True, gradcheck=False),
    FunctionCase(
        "fractional_max_pool2d",
        [distinct(*SIZE)],
        (2, OUT),
        dict(_random_samples=uniform(0, 1, SIZE[0], SIZE[1], 2, grad=False)),
        id="given samples",
        exact=True,
    ),
    FunctionCase(
        "fractional_max_pool2d",
        [array(np.full(SIZE, math.nan))],
        (2, OUT, None, True),
        id="NaN",
        gradcheck=False,
    ),
    FunctionCase("fractional_max_pool2d", [array(np.ones(SIZE))], (2, OUT, None, True), id="ties", gradcheck=False),
]


def refused(id, words, *args, size=SIZE, dtype="float32", samples=None, raises=None, **kwargs):
    def call(torch):
        given = dict(_random_samples=torch.rand(samples)) if samples else {}
        x = torch.ones(size, dtype=getattr(torch, dtype))
        return torch.nn.functional.fractional_max_pool2d(x, *args, **given, **kwargs)

    return ErrorCase(call, words, raises, id=id)


ERRORS = [
    refused("neither size nor ratio", ["either an output_size or an output_ratio"], 2),
    refused("ratio a number", ["output_ratio"], 2, output_ratio=0.5, raises=TypeError),
    refused("too large", ["too large relative to input"], 8, 3),
    refused("too many outputs", ["too large relative to input"], 2, 7),
    refused("int64", ["int64"], 2, 2, dtype="int64"),
    refused("too few dimensions", ["dimensions"], 2, 3, size=SIZE[2:]),
    refused("no channels", ["only the batch size"], 2, 3, size=(1, 0, *SIZE[2:])),
    refused("samples for too few", ["size(0)"], 2, 2, size=(3, *SIZE[1:]), samples=(1, SIZE[1], 2)),
    refused("samples of another number of channels", ["size(1)"], 2, 2, samples=(SIZE[0], 5, 2)),
    refused("samples of another number of dimensions", ["size(2)"], 2, 2, samples=(SIZE[0], SIZE[1], 4)),
    ErrorCase(lambda torch: torch.nn.FractionalMaxPool2d(2), ["found neither"], id="module, neither"),
    ErrorCase(lambda torch: torch.nn.FractionalMaxPool2d(2, 3, 0.5), ["only one"], id="module, both"),
    ErrorCase(lambda torch: torch.nn.FractionalMaxPool2d(2, output_ratio=1.5), ["between 0 and 1"], id="module, ratio"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(0, 4)), min_size=2, max_size=2),
    st.integers(0, 999),
)
def test_any_size(sizes, seed):
    kernel, out = tuple(k for k, _, _ in sizes), tuple(o for _, o, _ in sizes)
    shape = (2, 2, *(k + o - 1 + more for k, o, more in sizes))
    case = FunctionCase("fractional_max_pool2d", [distinct(*shape)], (kernel, out, None, True), seed=seed)
    for dtype in ("float32", "float64"):
        oracle.check(case, Run("compiled", dtype))
