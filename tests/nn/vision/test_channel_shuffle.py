"""ChannelShuffle against torch."""

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, integers, normal

CASES = [
    ModuleCase("ChannelShuffle", [(2, 6, 2, 3)], (2,), id="two"),
    ModuleCase("ChannelShuffle", [(1, 6, 2)], (3,), id="three groups, one dimension"),
    ModuleCase("ChannelShuffle", [(2, 4, 2, 1, 2)], (4,), id="as many groups as channels"),
    ModuleCase("ChannelShuffle", [(1, 3, 2, 2)], (1,), id="one group"),
    ModuleCase("ChannelShuffle", [normal(0, 4, 2, 3, grad=False)], (2,), id="empty batch"),
    ModuleCase("ChannelShuffle", [normal(2, 0, 4, 2, grad=False)], (2,), id="no channels"),
    ModuleCase("ChannelShuffle", [normal(1, 4, 0, 2, grad=False)], (2,), id="no rows"),
    ModuleCase("ChannelShuffle", [(5, 40, 17, 23)], (8,), id="large"),
    FunctionCase("channel_shuffle", [(1, 4, 2, 3)], (2,), id="functional"),
    FunctionCase("channel_shuffle", [integers(-9, 9, 1, 4, 2)], (2,), id="integers"),
]


def call(size, groups, dtype="float32"):
    return lambda torch: torch.nn.functional.channel_shuffle(torch.ones(size, dtype=getattr(torch, dtype)), groups)


ERRORS = [
    ErrorCase(call((4, 6), 2), ["[4, 6]"], id="two dimensions"),
    ErrorCase(call((2, 7, 5, 6), 2), ["7", "2"], id="not divisible"),
    ErrorCase(call((2, 8, 4, 6), 0), ["positive", "0"], id="groups 0"),
    ErrorCase(call((2, 8, 4, 6), -1), ["positive", "-1"], id="groups -1"),
    ErrorCase(call((2, 8, 4, 6), 2.0), ["groups", "float"], id="groups 2.0"),
    ErrorCase(call((2, 8, 4, 6), 2, "float16"), ["float16"], raises=NotImplementedError, id="half"),
    ErrorCase(lambda torch: torch.nn.functional.channel_shuffle([1], 2), ["input", "list"], id="list"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
