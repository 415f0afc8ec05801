"""PairwiseDistance against torch: powers, ties and zeros, eps, shapes, dtypes."""

import math

import numpy as np

import oracle
from loss_cases import dtypes, refused
from oracle import FunctionCase, ModuleCase, array, distinct, integers, normal

NAME = "pairwise_distance"
inf, nan = math.inf, math.nan

NOT_FINITE = [[1.0, inf, 2], [3, 2, -inf], [1, 2, 0]], [[1.0, nan, 2], [3, 2, nan], [nan, 2, 0]]


def case(id, *inputs, gradcheck=True, **kwargs):
    return FunctionCase(NAME, inputs, kwargs=kwargs, id=id, gradcheck=gradcheck)


WILD = array([[nan, inf, 3], [0, -inf, 0], [nan, 0, 1]]), array([[0.0, 0, 0]])
TIES = array([[1.0, -1, 0], [0, 0, 0], [2, 1, -2]]), array([[0.0, 0, 0]], grad=False)
CASES = [
    *[case(f"p {p}", distinct(3, 4), normal(3, 4), p=p) for p in (1, 1.5, 2, 3, 0.5, inf, -inf)],
    case("p -1", distinct(3, 4), normal(3, 4), p=-1, gradcheck=False),
    case("p 0", distinct(3, 4), normal(3, 4), p=0, gradcheck=False),
    *[case(f"zeros and ties, p {p}", *TIES, p=p, eps=0, gradcheck=False) for p in (0, 0.5, 1, 1.5, 2, 3, inf, -inf)],
    case("eps", distinct(3, 4), normal(3, 4), eps=0.5),
    case("keepdim", (3, 4), (3, 4), keepdim=True),
    case("one pair", (4,), (4,)),
    case("numbers", (), (), keepdim=True),
    case("three dimensions", (2, 3, 4), (2, 3, 4)),
    case("broadcast", (3, 1, 4), (2, 4)),
    case("empty batch", (0, 3), (0, 3)),
    case("empty vectors", (3, 0), (3, 0)),
    *[
        case(
            f"{'NaN' if gone else 'infinite'}, p {p}",
            array(NOT_FINITE[gone]),
            array([[1.0, 2, 0]]),
            p=p,
            gradcheck=False,
            eps=0.0,
        )
        for p in (0, 0.5, 1, 1.5, 2, 3, inf, -inf)
        for gone in (False, True)
    ],
    case("NaN", array([[1.0, nan, 3], [nan, 0, 0]]), array([[0.0, 0, 0]]), p=inf, gradcheck=False),
    case("infinity", array([[1.0, inf]]), array([[0.0, 0]]), gradcheck=False),
    *[case(f"NaN and infinity, p {p}", *WILD, p=p, eps=0, gradcheck=False) for p in (0, 1.5, 2, 3, inf)],
    case("one gradient", (3, 5), normal(3, 5, grad=False)),
    case("large", (300, 40), (300, 40)),
    case("integers", integers(-3, 4, 3, 5), integers(-3, 4, 3, 5)),
    case("uint8 wraps around", array(np.array([[1, 2, 250]], np.uint8)), array(np.array([[3, 1, 5]], np.uint8))),
    dtypes(NAME, "float32", "float64"),
    dtypes(NAME, "int64", "float64"),
    ModuleCase("PairwiseDistance", [(3, 5), (3, 5)], id="module"),
    ModuleCase("PairwiseDistance", [(3, 5), (3, 5)], args=(1, 0.5, True), id="module, positional"),
]
ERRORS = [
    refused(NAME, ["x1", "list"], "input a list", [1.0], (3,)),
    refused(NAME, ["x2", "NoneType"], "second None", (3,), None),
    refused(NAME, ["'p'"], "p None", (3,), (3,), p=None),
    refused(NAME, ["eps"], "eps None", (3,), (3,), eps=None),
    refused(NAME, ["[2, 3]"], "shapes", (2, 3), (2, 4)),
    refused(NAME, ["bool"], "bool", ((3,), "bool"), ((3,), "bool")),
    refused(NAME, ["[3, 0]", "inf"], "largest of nothing", (3, 0), (3, 0), p=inf),
]
tests = oracle.tests_of(__file__, CASES, ERRORS)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = tests
