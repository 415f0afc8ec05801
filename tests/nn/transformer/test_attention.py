"""F.scaled_dot_product_attention against torch: masks, causal, dropout, heads that share keys, empty and infinite input."""

import math

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ScriptCase, array, normal

INF, NAN = math.inf, math.nan
SEEN = [[True, False, True, True], [False, False, False, False], [False, True, True, False]]
ADDED = [[0.5, -1, 0, 2], [-INF, -INF, -INF, -INF], [-INF, 1, 0, -2]]


def case(*inputs, id, **kwargs):
    """Inputs from query to value, or to the mask."""
    return FunctionCase("scaled_dot_product_attention", inputs, kwargs=kwargs, id=id)


CASES = [
    case((3, 2), (4, 2), (4, 2), id="one sequence"),
    case((3, 2), (4, 2), (4, 5), id="long values"),
    case((2, 3, 2), (2, 4, 2), (2, 4, 2), id="batch"),
    case((2, 2, 3, 2), (2, 2, 4, 2), (2, 2, 4, 2), id="heads"),
    case((2, 1, 2, 3, 2), (2, 1, 2, 2, 2), (2, 1, 2, 2, 1), id="five dimensions"),
    case((2, 3, 2), (1, 4, 2), (4, 2), id="broadcast"),
    case((3, 2), (4, 2), (4, 2), array(SEEN), id="bool mask"),
    case((2, 3, 2), (2, 4, 2), (2, 4, 2), array([SEEN, SEEN[::-1]]), id="bool mask for each"),
    case((2, 2, 3, 2), (2, 2, 4, 2), (2, 2, 4, 2), array([[[SEEN[0]]], [[SEEN[2]]]]), id="padding"),
    case((3, 2), (4, 2), (4, 2), array(ADDED, grad=False), id="added mask"),
    case((2, 3, 2), (2, 4, 2), (2, 4, 2), (3, 4), id="learnt mask"),
    case((2, 3, 2), (2, 4, 2), (2, 4, 2), normal(1, 4), id="learnt mask of the keys"),
    case((3, 2), (4, 2), (4, 2), normal(4, grad=False), id="mask of one dimension"),
    case((2, 4, 2), (2, 4, 2), (2, 4, 2), is_causal=True, id="causal"),
    case((4, 2), (3, 2), (3, 2), is_causal=True, id="causal, more queries"),
    case((2, 2, 3, 2), (2, 2, 4, 2), (2, 2, 4, 2), dropout_p=0.5, id="dropout"),
    case((3, 2), (4, 2), (4, 2), array(SEEN), dropout_p=0.25, id="dropout and mask"),
    case((3, 2), (4, 2), (4, 2), dropout_p=1.0, id="all dropped"),
    case((3, 2), (4, 2), (4, 2), dropout_p=-1.0, id="nothing dropped"),
    case((3, 2), (4, 2), (4, 2), scale=2, id="scale"),
    case((3, 2), (4, 2), (4, 2), scale=-0.5, id="negative scale"),
    case((1, 4, 2, 2), (1, 2, 3, 2), (1, 2, 3, 2), enable_gqa=True, id="shared heads"),
    case((4, 2, 2), (2, 3, 2), (1, 3, 2), enable_gqa=True, id="differently shared heads"),
    case(array([[100.0, 0], [-100, 0]]), array([[100.0, 0], [90, 1]]), array([[1.0], [2]]), id="large scores"),
    case((0, 2, 3), (0, 4, 3), (0, 4, 3), id="no sequences"),
    case((0, 2), (4, 2), (4, 2), id="no queries"),
    case((3, 2), (0, 2), (0, 2), id="no keys"),
    case((3, 0), (4, 0), (4, 2), id="no elements"),
    case((3, 2), (4, 2), (4, 0), id="no values"),
    case(array([[NAN, 1], [1, 2]]), normal(3, 2), normal(3, 2), id="NaN"),
    case((2, 2), array([[INF, 1], [1, 2]]), normal(2, 2), id="infinite key"),
    case((2, 2), (2, 2), array([[1.0], [INF]]), is_causal=True, id="infinite value"),
    case((2, 4, 40, 16), (2, 4, 70, 16), (2, 4, 70, 24), id="large"),
    case((2, 4, 90, 16), (2, 4, 90, 16), (2, 4, 90, 16), is_causal=True, id="large and causal"),
    case((2, 8, 33, 16), (2, 8, 65, 16), (2, 8, 65, 16), normal(2, 1, 33, 65), id="large with mask"),
]
for number, each in enumerate(CASES):
    if each.id in ("NaN", "infinite key", "infinite value", "dropout", "dropout and mask"):
        CASES[number] = oracle.FunctionCase(each.name, each.inputs, kwargs=each.kwargs, id=each.id, gradcheck=False)
MUTANT_CASES = [
    each
    for each in CASES
    if each.id in ("one sequence", "bool mask for each", "added mask", "dropout and mask", "scale", "large scores")
]


def attend(*shapes, dtypes=("float32",) * 3, **kwargs):
    def call(torch):
        given = [torch.ones(shape, dtype=getattr(torch, dtype)) for shape, dtype in zip(shapes, dtypes)]
        torch.nn.functional.scaled_dot_product_attention(*given, **kwargs)

    return call


def masked(dtype="float32", shape=(3, 4), **kwargs):
    return lambda torch: attend(
        (3, 2), (4, 2), (4, 2), attn_mask=torch.ones(shape, dtype=getattr(torch, dtype)), **kwargs
    )(torch)


F32, F64 = "float32", "float64"
ERRORS = [
    ErrorCase(attend((2,), (2,), (2,)), ["2D", "1D"], id="vectors"),
    ErrorCase(attend((3, 2), (4, 3), (4, 2)), ["last dimension", "[3, 2]", "[4, 3]"], id="elements"),
    ErrorCase(attend((3, 2), (4, 2), (5, 2)), ["each key", "[4, 2]", "[5, 2]"], id="keys and values"),
    ErrorCase(attend((2, 3, 2), (3, 4, 2), (3, 4, 2)), ["[2, 3, 2]", "[3, 4, 2]"], id="sequences"),
    ErrorCase(attend((3, 2), (4, 2), (4, 2), dtypes=(F32, F64, F32)), ["float64"], id="dtypes"),
    ErrorCase(lambda torch: torch.nn.functional.scaled_dot_product_attention([1], [1], [1]), ["query"], id="list"),
    ErrorCase(attend((3, 2), (4, 2), (4, 2), dropout_p=1.5), ["1.5"], id="probability"),
    ErrorCase(attend((3, 2), (4, 2), (4, 2), scale="a"), ["scale"], id="scale"),
    ErrorCase(masked("int64"), ["bool", "int64"], id="mask of integers"),
    ErrorCase(masked(F64), ["float64"], id="mask of another dtype"),
    ErrorCase(masked(shape=(3, 5)), ["[3, 5]"], id="size of the mask"),
    ErrorCase(masked(shape=(2, 3, 4)), ["[2, 3, 4]"], id="mask for more sequences"),
    ErrorCase(masked(is_causal=True), ["is_causal"], id="mask and causal"),
    ErrorCase(attend((1, 4, 2, 2), (1, 3, 3, 2), (1, 3, 3, 2), enable_gqa=True), ["3", "4"], id="shared heads"),
    ErrorCase(attend((2, 2), (3, 2), (3, 2), enable_gqa=True), ["heads"], id="no heads"),
]
CASES.append(
    ScriptCase(
        "attention",
        [(1, 3, 2, 4)],
        run=lambda torch, x: torch.nn.functional.scaled_dot_product_attention(
            *(x.transpose(1, 2).double(),) * 3,
            attn_mask=torch.tensor([[0.0, 1, -1], [1, 0, 0], [0, 0, 1]], device=x.device),
        ),
        component="scaled_dot_product_attention",
        id="float32 mask of float64",
    )
)
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS, MUTANT_CASES
)


def test_equal_keys_give_the_mean():
    value = reftorch.randn(2, 5, 3)
    y = F.scaled_dot_product_attention(reftorch.randn(2, 4, 6), reftorch.ones(2, 5, 6), value)
    assert reftorch.allclose(y, value.mean(1, keepdim=True).expand(2, 4, 3), atol=1e-6)
