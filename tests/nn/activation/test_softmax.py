"""Softmax and Softmax2d against torch, and what softmax promises: probabilities."""

import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, ModuleCase, distinct
from softmax_cases import along_cases, along_errors

pytestmark = pytest.mark.filterwarnings("ignore:Implicit dimension")
CASES = [
    *along_cases("Softmax", "softmax"),
    ModuleCase("Softmax2d", [distinct(2, 3, 2, 2)], id="batch"),
    ModuleCase("Softmax2d", [distinct(3, 2, 2)], id="one image"),
]
ERRORS = [
    *along_errors("softmax"),
    ErrorCase(lambda torch: torch.nn.Softmax2d()(torch.ones(2, 3)), ["2D", "3D or 4D"], id="Softmax2d of a matrix"),
    ErrorCase(lambda torch: torch.nn.Softmax2d()(torch.ones(1, 2, 3, 4, 5)), ["5D"], id="Softmax2d of five dimensions"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_a_guessed_dimension_is_warned_of_where_it_is_called():
    with pytest.warns(UserWarning, match="softmax.*dim=X") as found:
        F.softmax(reftorch.ones(2, 3))
        reftorch.nn.Softmax()(reftorch.ones(2, 3))
    assert [warning.filename for warning in found] == [__file__] * 2


def test_probabilities():
    y = F.softmax(reftorch.randn(3, 4, 5), 1)
    assert (y > 0).all() and reftorch.allclose(y.sum(1), reftorch.ones(3, 5))
