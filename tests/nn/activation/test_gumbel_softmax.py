"""Gumbel-softmax against torch: the same noise, the same choices, the same state of the generator afterwards."""

import pytest

import oracle
import reftorch
from oracle import ErrorCase, FunctionCase, ScriptCase, distinct


def with_state(torch, x):
    y = torch.nn.functional.gumbel_softmax(x)
    return y, torch.rand(3, device="cpu").to(x.device)


def of(*args, dtype="float32", **kwargs):
    return lambda torch: torch.nn.functional.gumbel_softmax(
        torch.ones(2, 3, dtype=getattr(torch, dtype)), *args, **kwargs
    )


RANDOM = dict(gradcheck=False)
CASES = [
    FunctionCase("gumbel_softmax", [distinct(3, 4)], id="usual", **RANDOM),
    FunctionCase("gumbel_softmax", [distinct(3, 4)], kwargs=dict(tau=0.3, dim=0), id="temperature, dim", **RANDOM),
    FunctionCase("gumbel_softmax", [distinct(2, 3, 4)], args=(2, True, 1e-10, 1), id="hard", **RANDOM),
    FunctionCase("gumbel_softmax", [distinct(3, 4)], kwargs=dict(hard=True), id="hard, usual dim", **RANDOM),
    FunctionCase("gumbel_softmax", [distinct(5)], id="one row", **RANDOM),
    FunctionCase("gumbel_softmax", [distinct(0, 3)], id="empty", **RANDOM),
    FunctionCase("gumbel_softmax", [distinct(4)], kwargs=dict(tau=0), id="temperature 0", **RANDOM),
    FunctionCase("gumbel_softmax", [(300, 20)], id="large", **RANDOM),
    ScriptCase("gumbel_softmax", run=with_state, inputs=[distinct(3, 4)], id="generator", **RANDOM),
]
ERRORS = [
    ErrorCase(of(dim=2), ["[-2, 1]", "2"], id="dim"),
    ErrorCase(of(dtype="int64"), ["int64", "float()"], id="int64"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_eps_has_no_effect():
    with pytest.warns(UserWarning, match="eps.*no effect") as found:
        reftorch.nn.functional.gumbel_softmax(reftorch.ones(2), eps=1e-5)
    assert found[0].filename == __file__
