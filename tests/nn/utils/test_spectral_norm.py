"""spectral_norm against torch: training and evaluation, the dimension of the outputs, names, removal, and what is refused."""

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase, distinct


def layer_of(torch, weight, **options):
    """A convolution with this weight, normalized; u and v are the same numbers in every library and mode."""
    layer = torch.nn.Conv2d(2, 3, (2, 1), bias=False)
    layer.weight.data = weight.detach().clone()
    layer = torch.nn.utils.spectral_norm(layer, **options)
    for vector in (layer.weight_u, layer.weight_v):
        vector.copy_(torch.arange(1, len(vector) + 1))
        vector.div_(vector.norm())
    return layer


def trained(**options):
    def run(torch, weight, x):
        layer = layer_of(torch, weight, **options)
        y = layer(x)
        z = layer(x)
        (y * z).sum().backward()
        return y.detach(), layer.weight.detach(), layer.weight_u, layer.weight_v, layer.weight_orig.grad

    return run


def evaluated(torch, weight, x):
    layer = layer_of(torch, weight).eval()
    y = layer(x)
    (y * y).sum().backward()
    return y.detach(), layer.weight_u, layer.weight_v, layer.weight_orig.grad


def removed(torch, weight, x):
    layer = layer_of(torch, weight)
    layer(x)
    torch.nn.utils.remove_spectral_norm(layer)
    hooks = len(layer._forward_pre_hooks), len(layer._state_dict_hooks)
    return layer.weight.detach(), layer(x).detach(), *hooks


def of_a_vector(torch, vector, x):
    """A parameter of one dimension, as the bias is."""
    layer = torch.nn.Linear(2, 3)
    layer.weight.data, layer.bias.data = x.detach().clone(), vector.detach().clone()
    torch.nn.utils.spectral_norm(layer, name="bias")
    layer.bias_u.copy_(vector / vector.norm())
    layer(x)
    return layer.bias.detach(), layer.bias_u


INPUTS = [distinct(3, 2, 2, 1, grad=False), distinct(1, 2, 3, 2, grad=False)]
CASES = [
    ScriptCase("spectral_norm", INPUTS, run=trained(), id="two calls", strided=False),
    ScriptCase("spectral_norm", INPUTS, run=trained(dim=1), id="dim=1", strided=False),
    ScriptCase("spectral_norm", INPUTS, run=trained(dim=2, n_power_iterations=3), id="three iterations", strided=False),
    ScriptCase("spectral_norm", INPUTS, run=trained(eps=100.0), id="eps", strided=False),
    ScriptCase("spectral_norm", INPUTS, run=evaluated, id="evaluation", strided=False),
    ScriptCase("remove_spectral_norm", INPUTS, run=removed, id="removed", strided=False),
    ScriptCase("spectral_norm", [distinct(3, grad=False), distinct(3, 2, grad=False)], run=of_a_vector, id="a vector"),
]


def spectral(torch, *args, **kwargs):
    return torch.nn.utils.spectral_norm(*args, **kwargs)


ERRORS = [
    ErrorCase(
        lambda torch: spectral(torch, torch.nn.Linear(2, 2), n_power_iterations=0), ["n_power_iterations=0"], id="none"
    ),
    ErrorCase(lambda torch: spectral(torch, spectral(torch, torch.nn.Linear(2, 2))), ["two spectral_norm"], id="twice"),
    ErrorCase(lambda torch: spectral(torch, torch.nn.Linear(2, 2), "other"), ["other"], id="no such name"),
    ErrorCase(lambda torch: spectral(torch, torch.nn.Linear(2, 2, bias=False), "bias"), ["bias", "None"], id="None"),
    ErrorCase(lambda torch: torch.nn.utils.remove_spectral_norm(torch.nn.Linear(2, 2)), ["not found"], id="absent"),
]

test_matches_torch, test_all_modes_agree, _, test_errors, test_mutants = oracle.tests_of(__file__, CASES, ERRORS)


def test_gradients_by_finite_differences():
    from reftorch.nn.utils.spectral_norm import SpectralNormFunction

    reftorch.manual_seed(0)
    weight = reftorch.randn(3, 2, dtype=reftorch.float64, requires_grad=True)
    u, v = reftorch.randn(3, dtype=reftorch.float64), reftorch.randn(2, dtype=reftorch.float64)
    with reftorch.debug():
        assert reftorch.autograd.gradcheck(lambda weight: SpectralNormFunction.apply(weight, u, v), (weight,))


def test_initial_vectors_names_and_metadata_are_those_of_torch():
    torch = pytest.importorskip("torch")

    def facts(torch):
        torch.manual_seed(3)
        layer = torch.nn.utils.spectral_norm(torch.nn.Linear(4, 3))
        state = layer.state_dict()
        layer.load_state_dict(state)
        vectors = [value.tolist() for value in (layer.weight_u, layer.weight_v)]
        return list(state), state._metadata[""], [name for name, _ in layer.named_parameters()], vectors

    ours, theirs = facts(reftorch), facts(torch)
    assert ours[:3] == theirs[:3]
    for found, wanted in zip(ours[3], theirs[3]):
        assert found == pytest.approx(wanted, rel=1e-6)


def test_zeros_become_nan():
    layer = reftorch.nn.Linear(2, 2, bias=False)
    layer.weight.data.zero_()
    assert reftorch.nn.utils.spectral_norm(layer)(reftorch.ones(1, 2)).isnan().all()
