"""weight_norm against torch: the dimension of the norm, gradients, names, removal, and what is refused."""

import copy
import warnings

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase, array, distinct


def normalized(torch, layer, *args, **kwargs):
    with warnings.catch_warnings(action="ignore"):
        return torch.nn.utils.weight_norm(layer, *args, **kwargs)


def conv(torch, weight, dim):
    """A convolution with this weight, normalized; the weight is a view of the given tensor's numbers."""
    layer = torch.nn.Conv2d(2, 3, (2, 1), bias=False)
    layer.weight.data = weight.detach().clone()
    return normalized(torch, layer, dim=dim)


def once(dim):
    """The weight out of v and g, both with gradients: v is the input, g its norm times 2."""

    def run(torch, v, x):
        layer = conv(torch, v, dim)
        layer.weight_g.data.mul_(2)
        y = layer(x)
        (y * y).sum().backward()
        return y.detach(), layer.weight.detach(), layer.weight_g.grad, layer.weight_v.grad, layer.weight_g.detach()

    return run


def removed(torch, v, x):
    layer = conv(torch, v, 0)
    layer.weight_g.data.mul_(2)
    stale = layer.weight.detach().clone()
    torch.nn.utils.remove_weight_norm(layer)
    return stale, layer.weight.detach(), layer(x.detach()), len(layer._forward_pre_hooks)


def of_zeros(torch, weight):
    layer = torch.nn.Linear(2, 2, bias=False)
    layer.weight.data = weight.detach().clone()
    return normalized(torch, layer)(weight).detach()


INPUTS = [distinct(3, 2, 2, 1, grad=False), distinct(1, 2, 3, 2, grad=False)]
CASES = [
    *[ScriptCase("weight_norm", INPUTS, run=once(dim), id=f"dim={dim}", strided=False) for dim in (0, 1, 2, -2)],
    ScriptCase("weight_norm", INPUTS, run=once(None), id="dim=None"),
    ScriptCase("weight_norm", INPUTS, run=once(-1), id="dim=-1"),
    ScriptCase("remove_weight_norm", INPUTS, run=removed, id="removed"),
    ScriptCase("weight_norm", [array([[0.0, 0.0], [1.0, 2.0]], grad=False)], run=of_zeros, id="zeros"),
]
ERRORS = [
    ErrorCase(
        lambda torch: normalized(torch, normalized(torch, torch.nn.Linear(2, 2))), ["two weight_norm hooks"], id="twice"
    ),
    ErrorCase(lambda torch: normalized(torch, torch.nn.Linear(2, 2), "other"), ["other"], id="no such name"),
    ErrorCase(
        lambda torch: torch.nn.utils.remove_weight_norm(torch.nn.Linear(2, 2)),
        ["weight_norm", "not found"],
        id="absent",
    ),
    ErrorCase(lambda torch: copy.deepcopy(normalized(torch, torch.nn.Linear(2, 2))), ["deepcopy"], id="deepcopy"),
]

test_matches_torch, test_all_modes_agree, _, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)


def test_gradients_by_finite_differences():
    from reftorch.nn.utils.weight_norm import WeightNormFunction

    reftorch.manual_seed(0)
    v = reftorch.randn(2, 3, 2, dtype=reftorch.float64, requires_grad=True)
    g = reftorch.randn(3, dtype=reftorch.float64, requires_grad=True)
    with reftorch.debug():
        assert reftorch.autograd.gradcheck(lambda v, g: WeightNormFunction.apply(v, g, (2, 3, 2)), (v, g))


def test_names_and_order_are_those_of_torch():
    torch = pytest.importorskip("torch")

    def names(torch):
        layer = normalized(torch, torch.nn.Linear(2, 3))
        before = [(name, tuple(parameter.shape)) for name, parameter in layer.named_parameters()]
        state = list(layer.state_dict())
        torch.nn.utils.remove_weight_norm(layer)
        return before, state, [name for name, _ in layer.named_parameters()], repr(layer)

    assert names(reftorch) == names(torch)


def test_it_warns_as_torch_does():
    with pytest.warns(FutureWarning, match="parametrizations.weight_norm"):
        reftorch.nn.utils.weight_norm(reftorch.nn.Linear(2, 2))
