"""PixelUnshuffle against torch."""

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, integers, normal

CASES = [
    ModuleCase("PixelUnshuffle", [(2, 2, 4, 6)], (2,), id="two"),
    ModuleCase("PixelUnshuffle", [(1, 1, 3, 6)], (3,), id="three"),
    ModuleCase("PixelUnshuffle", [(1, 2, 2, 3)], (1,), id="one"),
    ModuleCase("PixelUnshuffle", [(1, 4, 6)], (2,), id="without a batch"),
    ModuleCase("PixelUnshuffle", [(2, 1, 2, 2, 4)], (2,), id="two dimensions before"),
    ModuleCase("PixelUnshuffle", [normal(0, 1, 4, 6, grad=False)], (2,), id="empty batch"),
    ModuleCase("PixelUnshuffle", [normal(2, 0, 4, 2, grad=False)], (2,), id="no channels"),
    ModuleCase("PixelUnshuffle", [normal(1, 4, 0, 2, grad=False)], (2,), id="no rows"),
    ModuleCase("PixelUnshuffle", [(3, 4, 51, 69)], (3,), id="large"),
    FunctionCase("pixel_unshuffle", [(1, 1, 4, 6)], (2,), id="functional"),
    FunctionCase("pixel_unshuffle", [integers(-9, 9, 1, 4, 6)], (2,), id="integers"),
    FunctionCase("pixel_unshuffle", [integers(0, 2, 1, 4, 6, dtype="bool")], (2,), id="bool"),
]


def call(size, factor, dtype="float32"):
    return lambda torch: torch.nn.functional.pixel_unshuffle(torch.ones(size, dtype=getattr(torch, dtype)), factor)


ERRORS = [
    ErrorCase(call((4, 6), 2), ["3 dimensions", "[4, 6]"], id="two dimensions"),
    ErrorCase(call((2, 7, 5, 6), 2), ["height", "5", "2"], id="not divisible"),
    ErrorCase(call((2, 7, 4, 7), 2), ["width", "7", "2"], id="columns not divisible"),
    ErrorCase(call((2, 8, 4, 6), 0), ["positive", "0"], id="factor 0"),
    ErrorCase(call((2, 8, 4, 6), -1), ["positive", "-1"], id="factor -1"),
    ErrorCase(call((2, 8, 4, 6), 2.0), ["downscale_factor", "float"], id="factor 2.0"),
    ErrorCase(call((2, 8, 4, 6), 2, "float16"), ["float16"], raises=NotImplementedError, id="half"),
    ErrorCase(lambda torch: torch.nn.functional.pixel_unshuffle([1], 2), ["input", "list"], id="list"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
