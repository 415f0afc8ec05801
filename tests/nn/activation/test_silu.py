"""SiLU against torch, out of place and in place."""

import oracle
from activation_cases import activation_cases, activation_errors, in_place_option, module_in_place
from oracle import ErrorCase

CASES = [
    *activation_cases("SiLU", "silu"),
    *in_place_option("silu"),
    module_in_place("SiLU"),
]
ERRORS = [
    *activation_errors("silu", inplace=True, dtypes=("int64", "bool")),
    ErrorCase(
        lambda torch: torch.nn.functional.silu(torch.ones(1, dtype=torch.complex64)),
        ["complex64"],
        raises=NotImplementedError,
        id="complex64",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)
