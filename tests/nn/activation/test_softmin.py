"""Softmin against torch."""

import pytest

import oracle
import reftorch
from oracle import ErrorCase, FunctionCase, ModuleCase, distinct
from softmax_cases import ROWS

pytestmark = pytest.mark.filterwarnings("ignore:Implicit dimension")
CASES = [
    *[ModuleCase("Softmin", [distinct(2, 3, 2)], args=(dim,), id=f"dim {dim}") for dim in (0, 1, 2, -2)],
    ModuleCase("Softmin", [distinct(2, 3)], id="dim guessed"),
    ModuleCase("Softmin", [distinct()], args=(0,), id="a number"),
    ModuleCase("Softmin", [distinct(0, 3)], args=(1,), id="empty"),
    FunctionCase("softmin", [ROWS], args=(1,), id="edges", gradcheck=False),
]
ERRORS = [
    ErrorCase(lambda torch: torch.nn.functional.softmin(torch.ones(2), 1), ["[-1, 0]", "1"], id="dim"),
    ErrorCase(lambda torch: torch.nn.functional.softmin(torch.ones(2, dtype=torch.int64), 0), ["int64"], id="int64"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_a_guessed_dimension_is_warned_of_where_it_is_called():
    with pytest.warns(UserWarning, match="softmin.*dim=X") as found:
        reftorch.nn.functional.softmin(reftorch.ones(2, 3))
        reftorch.nn.Softmin()(reftorch.ones(2, 3))
    assert [warning.filename for warning in found] == [__file__] * 2
