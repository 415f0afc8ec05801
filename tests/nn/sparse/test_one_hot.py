"""One-hot encoding against torch."""

import numpy as np

import oracle
from oracle import ErrorCase, FunctionCase, array, integers


def of(*args, dtype="int64", values=(0, 2), **kwargs):
    return lambda torch: torch.nn.functional.one_hot(torch.tensor(values, dtype=getattr(torch, dtype)), *args, **kwargs)


CASES = [
    FunctionCase("one_hot", [array([2, 0, 2])], id="classes inferred"),
    FunctionCase("one_hot", [integers(0, 4, 2, 3)], args=(4,), id="matrix"),
    FunctionCase("one_hot", [integers(0, 4, 1, 2, 3)], kwargs=dict(num_classes=5), id="named"),
    FunctionCase("one_hot", [array(1)], args=(3,), id="a number"),
    FunctionCase("one_hot", [array(np.zeros((2, 0), np.int64))], args=(3,), id="empty"),
    FunctionCase("one_hot", [integers(0, 60, 300)], args=(60,), id="large"),
]
ERRORS = [
    ErrorCase(of(2), ["smaller than num_classes", "2"], id="index too large"),
    ErrorCase(of(0), ["smaller"], id="no classes"),
    ErrorCase(of(-2), ["smaller"], id="fewer than no classes"),
    ErrorCase(of(3, values=(-1, 2)), ["non-negative", "-1"], id="negative index"),
    ErrorCase(of(values=()), ["empty", "num_classes"], id="empty"),
    *[ErrorCase(of(3, dtype=dtype), [dtype, "long()"], id=dtype) for dtype in ("int32", "uint8", "float32", "bool")],
    ErrorCase(of(2.5), ["num_classes", "int", "float"], id="a fraction"),
    ErrorCase(lambda torch: torch.nn.functional.one_hot([1], 3), ["list", "Tensor"], id="list"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
