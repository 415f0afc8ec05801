"""pdist against torch: powers, ties and equal rows, few rows, what is refused."""

import math

import oracle
from loss_cases import refused
from oracle import FunctionCase, array, distinct, normal

NAME = "pdist"
inf, nan = math.inf, math.nan
TIES = array([[1.0, -1, 0], [0, 0, 0], [2, 1, -2], [0, 0, 0]])
WILD = array([[nan, 1.0], [inf, 0.0], [2.0, 1.0], [2.0, 0.0]])

NOT_FINITE = [[1.0, inf, 2], [0, 1, 2], [1, -inf, 0], [1, inf, 2]], [[1.0, nan, 2], [0, 1, 2], [1, 0, 0], [1, nan, 2]]


def case(id, x, gradcheck=True, **kwargs):
    return FunctionCase(NAME, [x], kwargs=kwargs, id=id, gradcheck=gradcheck)


CASES = [
    case("usual", (5, 3)),
    *[case(f"p {p}", distinct(4, 3), p=p) for p in (0.5, 1, 1.5, 2, 3)],
    case("p inf", normal(4, 3), p=inf),
    case("p 0", distinct(4, 3), p=0, gradcheck=False),
    *[case(f"zeros and ties, p {p}", TIES, p=p, gradcheck=False) for p in (0, 1, 1.5, 2, 3, inf)],
    case("two rows", (2, 3)),
    case("one row", (1, 3)),
    case("no rows", normal(0, 3, grad=False)),  # PyTorch crashes in backward
    case("empty rows", (3, 0)),
    case("one column", (4, 1)),
    case("NaN", array([[1.0, nan], [0.0, 0.0], [2.0, 1.0]]), gradcheck=False),
    *[case(f"NaN and infinity, p {p}", WILD, p=p, gradcheck=False) for p in (0, 1.5, 2, 3)],
    *[
        case(f"{'NaN' if gone else 'infinite'}, p {p}", array(NOT_FINITE[gone]), p=p, gradcheck=False)
        for p in (0, 1, 1.5, 2, 3, inf)
        for gone in (False, True)
    ],
    case("no gradient", normal(4, 2, grad=False)),
    case("large", (200, 90)),
]
ERRORS = [
    refused(NAME, ["list"], "input a list", [1.0]),
    refused(NAME, ["3D", "[2, 3, 3]"], "three dimensions", (2, 3, 3)),
    refused(NAME, ["1D"], "one dimension", (3,)),
    refused(NAME, ["int64"], "integers", ((2, 3), "int64")),
    refused(NAME, ["-1"], "negative p", (2, 3), p=-1),
    refused(NAME, ["nan"], "p NaN", (2, 3), p=nan),
    refused(NAME, ["'p'"], "p None", (2, 3), p=None),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
