"""Which dtype comes out of mixed operands: every pair of kinds, in every operation, as in PyTorch."""

import itertools

import pytest

from both import needs_pytorch
from side_by_side import Line

OPERANDS = {
    "bool 1-d": "torch.tensor([True, False])",
    "int64 1-d": "torch.tensor([3, -2])",
    "float32 1-d": "torch.tensor([1.5, -2.5])",
    "float64 1-d": "torch.tensor([1.5, -2.5], dtype=torch.float64)",
    "bool 0-d": "torch.tensor(True)",
    "int64 0-d": "torch.tensor(4)",
    "float32 0-d": "torch.tensor(2.5)",
    "float64 0-d": "torch.tensor(2.5, dtype=torch.float64)",
    "bool": "True",
    "int": "3",
    "float": "2.5",
    "float64 number": "np.float64(2)",
    "int64 number": "np.int64(2)",
    "uint8 1-d": "torch.tensor([3, 200], dtype=torch.uint8)",
    "int32 1-d": "torch.tensor([3, -2], dtype=torch.int32)",
    "float16 1-d": "torch.tensor([3, -2], dtype=torch.float16)",
}
OPERATIONS = [
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / {b}", "{a} // {b}", "{a} % {b}", "{a} ** {b}",
    "{a} == {b}", "{a} < {b}", "{a} >= {b}", "{a} & {b}", "{a} | {b}", "{a} ^ {b}",
    "torch.div({a}, {b}, rounding_mode='trunc')", "torch.div({a}, {b}, rounding_mode='floor')",
    "torch.where(torch.tensor([True, False]), {a}, {b})", "torch.result_type({a}, {b})",
    "torch.maximum({a}, {b})", "torch.minimum({a}, {b})", "torch.logical_and({a}, {b})",
]  # fmt: skip
PAIRS = [
    (a, b)
    for a, b in itertools.product(OPERANDS, OPERANDS)
    if "-d" in a or ("-d" in b and "number" not in a)  # one is a tensor; NumPy's numbers on the left are NumPy's to add
]


@needs_pytorch
@pytest.mark.parametrize("operation", OPERATIONS)
def test_pairs(operation):
    wrong = []
    for a, b in PAIRS:
        try:
            Line(operation.format(a=OPERANDS[a], b=OPERANDS[b])).check()
        except Exception as error:
            wrong.append(f"{a}, {b}: {error}")
    assert not wrong, "\n".join(wrong)


@needs_pytorch
def test_promote_types():
    names = [
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ]
    for a, b in itertools.product(names, names):
        Line(f"torch.promote_types(torch.{a}, torch.{b})").check()
