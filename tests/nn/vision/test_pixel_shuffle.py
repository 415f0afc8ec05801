"""PixelShuffle against torch."""

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, integers, normal

CASES = [
    ModuleCase("PixelShuffle", [(2, 8, 2, 3)], (2,), id="two"),
    ModuleCase("PixelShuffle", [(1, 9, 1, 2)], (3,), id="three"),
    ModuleCase("PixelShuffle", [(1, 2, 2, 3)], (1,), id="one"),
    ModuleCase("PixelShuffle", [(4, 2, 3)], (2,), id="without a batch"),
    ModuleCase("PixelShuffle", [(2, 1, 8, 1, 2)], (2,), id="two dimensions before"),
    ModuleCase("PixelShuffle", [normal(0, 4, 2, 3, grad=False)], (2,), id="empty batch"),
    ModuleCase("PixelShuffle", [normal(2, 0, 4, 2, grad=False)], (2,), id="no channels"),
    ModuleCase("PixelShuffle", [normal(1, 4, 0, 2, grad=False)], (2,), id="no rows"),
    ModuleCase("PixelShuffle", [(3, 36, 17, 23)], (3,), id="large"),
    FunctionCase("pixel_shuffle", [(1, 4, 2, 3)], (2,), id="functional"),
    FunctionCase("pixel_shuffle", [integers(-9, 9, 4, 2, 3)], (2,), id="integers"),
    FunctionCase("pixel_shuffle", [integers(0, 2, 4, 2, 3, dtype="bool")], (2,), id="bool"),
]


def call(size, factor, dtype="float32"):
    return lambda torch: torch.nn.functional.pixel_shuffle(torch.ones(size, dtype=getattr(torch, dtype)), factor)


ERRORS = [
    ErrorCase(call((4, 6), 2), ["3 dimensions", "[4, 6]"], id="two dimensions"),
    ErrorCase(call((2, 7, 5, 6), 2), ["7", "4"], id="not divisible"),
    ErrorCase(call((2, 8, 4, 6), 0), ["positive", "0"], id="factor 0"),
    ErrorCase(call((2, 8, 4, 6), -1), ["positive", "-1"], id="factor -1"),
    ErrorCase(call((2, 8, 4, 6), 2.0), ["upscale_factor", "float"], id="factor 2.0"),
    ErrorCase(call((2, 8, 4, 6), 2, "float16"), ["float16"], raises=NotImplementedError, id="half"),
    ErrorCase(lambda torch: torch.nn.functional.pixel_shuffle([1], 2), ["input", "list"], id="list"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
