"""Clipping of gradients against torch: every norm, NaN and infinity, several dtypes, generators, and what is refused."""

import math
import warnings

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase, array, distinct

INF = math.inf


def with_gradients(torch, *gradients):
    """Parameters that have these gradients, and one that has none."""
    parameters = [torch.nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.detach().clone()
    return [*parameters, torch.nn.Parameter(torch.zeros(2))]


def clipped(function, *args, **kwargs):
    """Clip the gradients; what the call returns and the gradients afterwards."""

    def run(torch, *gradients):
        parameters = with_gradients(torch, *gradients)
        returned = getattr(torch.nn.utils, function)(parameters, *args, **kwargs)
        return [each for each in (returned, *(parameter.grad for parameter in parameters)) if each is not None]

    return run


def case(inputs, function, *args, id="", **kwargs):
    name = f"{function}{args}"
    return ScriptCase(
        name, inputs, run=clipped(function, *args, **kwargs), id=id, gradcheck=False, component="clip_grad_norm_"
    )


GRADS = [distinct(2, 3, grad=False), distinct(4, grad=False)]


def mixed(torch, x):
    parameters = with_gradients(torch, x.float(), x.double())
    total = torch.nn.utils.clip_grad_norm_(parameters, 1.5)
    return total, parameters[0].grad, parameters[1].grad


def alone(torch, x):
    (parameter, _) = with_gradients(torch, x)
    total = torch.nn.utils.clip_grad_norm_(parameter, 1)
    torch.nn.utils.clip_grad_value_(parameter, 0.25)
    return total, parameter.grad


def two_steps(torch, *gradients):
    parameters = with_gradients(torch, *gradients)
    total = torch.nn.utils.get_total_norm([p.grad for p in parameters[:-1]], 3)
    torch.nn.utils.clip_grads_with_norm_(parameters, 1.0, total)
    return [total, *(parameter.grad for parameter in parameters[:-1])]


CASES = [
    *[case(GRADS, "clip_grad_norm_", 1.5, p) for p in (2.0, 1, 3, 0, INF, "inf", 0.5)],
    case(GRADS, "clip_grad_norm_", 100.0, id="small already"),
    case(GRADS, "clip_grad_norm_", -1.0, id="negative"),
    case([array([3.0, -4.0], grad=False)], "clip_grad_norm_", 5.0, id="exactly the norm"),
    case([array([1.0, INF], grad=False), array([2.0], grad=False)], "clip_grad_norm_", 1.0, id="infinity"),
    case([array([1.0, math.nan], grad=False), array([2.0], grad=False)], "clip_grad_norm_", 1.0, id="NaN"),
    case([array([1e20, 1e20], grad=False), array([1.0], grad=False)], "clip_grad_norm_", 1.0, id="squares overflow"),
    case([array([1e-30, 0.0], grad=False), array([0.0], grad=False)], "clip_grad_norm_", 1.0, id="squares underflow"),
    case([array([1e-30], grad=False)], "clip_grad_norm_", 1e-32, id="one small number"),
    case([distinct(70, 90, grad=False)] * 3, "clip_grad_norm_", 1.0, id="large"),
    case(GRADS, "clip_grad_value_", INF, id="no limit"),
    case(GRADS, "clip_grad_value_", 0.7),
    case(GRADS, "clip_grad_value_", -0.7, id="negative"),
    case([array([math.nan, INF, -INF, 0.5], grad=False)], "clip_grad_value_", 1.0, id="edges"),
    case([distinct(70, 90, grad=False), distinct(grad=False)], "clip_grad_value_", 0.5, id="large"),
    ScriptCase("clip_grad_norm_", [distinct(3, grad=False)], run=mixed, id="two dtypes"),
    ScriptCase("clip_grad_norm_", [distinct(3, grad=False)], run=alone, id="one tensor"),
    ScriptCase("clip_grads_with_norm_", GRADS, run=two_steps, id="in two steps"),
]


def nonfinite(torch):
    torch.nn.utils.clip_grad_norm_(with_gradients(torch, torch.tensor([math.nan])), 1.0, error_if_nonfinite=True)


def clip_no_gradient(torch):
    torch.nn.utils.clip_grad_value_([torch.nn.Parameter(torch.ones(2))], 1.0)


def total_norm_of(kind):
    def clip(torch):
        torch.nn.utils.clip_grads_with_norm_([], 1.0, 5.0)  # there is nothing to clip
        torch.nn.utils.clip_grads_with_norm_(with_gradients(torch, torch.ones(2)), 1.0, kind(5.0))

    return clip


ERRORS = [
    ErrorCase(clip_no_gradient, ["no gradient", "backward"], id="no gradient"),
    ErrorCase(lambda torch: torch.nn.utils.clip_grad_value_([], 1.0), ["no gradient", "list"], id="no parameter"),
    ErrorCase(lambda torch: torch.nn.utils.clip_grad_norm_([], "a"), ["could not convert", "a"], id="max_norm a word"),
    ErrorCase(total_norm_of(float), ["total_norm", "float", "get_total_norm"], id="total norm a float"),
]
ERRORS += [ErrorCase(nonfinite, ["non-finite", "error_if_nonfinite", "nan"], id="NaN")]

test_matches_torch, _, _, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_an_empty_generator_warns():
    with pytest.warns(UserWarning, match="empty generator"):
        reftorch.nn.utils.clip_grad_norm_((p for p in []), 1.0)


def test_the_old_name_warns():
    parameter = reftorch.nn.Parameter(reftorch.zeros(2))
    parameter.grad = reftorch.tensor([3.0, 4.0])
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        assert reftorch.nn.utils.clip_grad_norm([parameter], 1.0).item() == 5


def test_a_generator_is_used_once():
    layer = reftorch.nn.Linear(2, 1)
    layer(reftorch.ones(1, 2)).sum().backward()
    with warnings.catch_warnings(action="error"):
        total = reftorch.nn.utils.clip_grad_norm_((p for p in layer.parameters()), 0.5)
    assert total.item() == pytest.approx(math.sqrt(3))
    assert layer.bias.grad.item() == pytest.approx(0.5 / math.sqrt(3), rel=1e-5)


def test_no_gradients_have_the_norm_0():
    parameter = reftorch.nn.Parameter(reftorch.zeros(2))
    for total in (reftorch.nn.utils.clip_grad_norm_([parameter], 1.0), reftorch.nn.utils.get_total_norm([])):
        assert (total.item(), total.shape, total.dtype) == (0.0, (), reftorch.float32)


def test_a_tape_notices_that_a_gradient_was_clipped():
    parameter = reftorch.nn.Parameter(reftorch.ones(2))
    parameter.grad = reftorch.tensor([3.0, 4.0])
    for clip in (reftorch.nn.utils.clip_grad_norm_, reftorch.nn.utils.clip_grad_value_):
        y = (parameter * parameter.grad).sum()
        clip([parameter], 0.5)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


def test_a_gradient_with_gaps_in_memory():
    parameter = reftorch.nn.Parameter(reftorch.zeros(2, 2))
    parameter.grad = reftorch.tensor([[3.0, 0.0], [4.0, 12.0]]).t()
    assert reftorch.nn.utils.clip_grad_norm_([parameter], 6.5).item() == 13
    assert parameter.grad.flatten().tolist() == pytest.approx([1.5, 2.0, 0.0, 6.0])
    reftorch.nn.utils.clip_grad_value_([parameter], 1.75)
    assert parameter.grad.flatten().tolist() == pytest.approx([1.5, 1.75, 0.0, 1.75])


def test_with_the_reference_kernels():
    for which in ("fast", "reference"):
        parameter = reftorch.nn.Parameter(reftorch.zeros(2))
        parameter.grad = reftorch.tensor([3.0, 4.0])
        with reftorch.kernels(which):
            assert reftorch.nn.utils.clip_grad_norm_([parameter], 1.0).item() == 5
