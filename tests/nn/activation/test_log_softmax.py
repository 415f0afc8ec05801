"""LogSoftmax against torch."""

import numpy as np
import pytest

import oracle
import reftorch.nn.functional as F
from oracle import FunctionCase, array
from reftorch import randn
from softmax_cases import along_cases, along_errors

pytestmark = pytest.mark.filterwarnings("ignore:Implicit dimension")
HUGE = array(np.array([[4e6, 4e6 + 1], [-4e6, -4e6 - 1], [0, -300]]))
pytestmark = pytest.mark.filterwarnings("ignore:Implicit dimension")
CASES = [
    *along_cases("LogSoftmax", "log_softmax"),
    FunctionCase("log_softmax", [HUGE], args=(1,), id="huge", gradcheck=False),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, along_errors("log_softmax")
)


def test_it_is_the_logarithm_of_softmax():
    x = randn(4, 5)
    assert np.allclose(F.log_softmax(x, 1).exp().numpy(), F.softmax(x, 1).numpy(), atol=1e-6)
