"""GLU against torch."""

import math

import oracle
from activation_cases import activation_errors
from oracle import ErrorCase, FunctionCase, ModuleCase, array, distinct

inf, nan = math.inf, math.nan
EDGES = (
    array([[1.0, -2, inf, nan, 3, inf, -inf, 0, 1, 2], [0.5, -inf, 1, 2, nan, inf, 100, -100, 1e-40, 3]]).draw(None).T
)
EDGES = array(EDGES)


CASES = [
    *[
        ModuleCase("GLU", [distinct(*shape)], args=(dim,), id=f"{shape}, dim {dim}")
        for shape, dim in (
            ((4,), 0),
            ((2, 6), -1),
            ((4, 3), 0),
            ((2, 4, 3), 1),
            ((2, 4, 3), -2),
            ((0, 4), 1),
            ((3, 0), 1),
            ((2, 0, 2), 2),
        )
    ],
    ModuleCase("GLU", [distinct(3, 2)], id="usual dim"),
    ModuleCase("GLU", [(60, 80)], id="large"),
    ModuleCase("GLU", [(3, 40, 30)], args=(1,), id="large, dim 1"),
    FunctionCase("glu", [EDGES], id="edges", gradcheck=False),
]
ERRORS = [
    *activation_errors("glu", dtypes=("int64", "bool")),
    ErrorCase(lambda torch: torch.nn.functional.glu(torch.ones(2, 3)), ["even", "3"], id="odd"),
    ErrorCase(lambda torch: torch.nn.functional.glu(torch.tensor(1.0)), ["scalars"], id="number"),
    ErrorCase(lambda torch: torch.nn.functional.glu(torch.ones(2, 4), 2), ["[-2, 1]"], id="dim"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
