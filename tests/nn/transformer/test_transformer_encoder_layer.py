"""TransformerEncoderLayer against torch: order of the parts, activations, masks, dropout, initial values."""

import pytest

import oracle
from oracle import ErrorCase, ModuleCase
from transformer_cases import ADDED, CAUSAL, HIDDEN, PADDING, call

SIZES = dict(d_model=4, nhead=2, dim_feedforward=3)


def layer(id, *shape, tiny=False, train=True, gradcheck=False, **kwargs):
    kwargs = {**SIZES, "dropout": 0.0, **kwargs}
    inputs = [shape or (3, 2, 4)]
    name = "TransformerEncoderLayer"
    return ModuleCase(name, inputs, kwargs=kwargs, id=id, tiny=tiny, train=train, gradcheck=gradcheck)


def masked(id, masks, **kwargs):
    options = {**SIZES, "dropout": 0.0, **kwargs}
    build = lambda nn: nn.TransformerEncoderLayer(**options)  # noqa: E731
    return call("TransformerEncoderLayer", id, (3, 2, 4), build=build, masks=masks)


CASES = [
    layer("one sequence", 2, 4, tiny=True, gradcheck=True),
    layer("normalized first", 2, 4, tiny=True, norm_first=True),
    layer("batch"),
    layer("batch first", 2, 3, 4, batch_first=True),
    layer("evaluation", 2, 3, 4, batch_first=True, train=False),
    layer("gelu", activation="gelu"),
    layer("no bias", bias=False),
    layer("large eps", layer_norm_eps=0.5, norm_first=True),
    layer("dropout", dropout=0.5),
    layer("dropout, batch first and normalized first", 2, 3, 4, dropout=0.5, batch_first=True, norm_first=True),
    layer("evaluation with dropout", dropout=0.5, train=False),
    layer("large", 30, 4, 64, d_model=64, nhead=4, dim_feedforward=100),
    masked("mask", dict(src_mask=HIDDEN)),
    masked("added mask", dict(src_mask=ADDED)),
    masked("mask of each head", dict(src_mask=[HIDDEN, CAUSAL] * 2)),
    masked("padding", dict(src_key_padding_mask=PADDING)),
    masked("both", dict(src_mask=CAUSAL, src_key_padding_mask=PADDING), norm_first=True),
]


def with_modules(torch, activation):
    return torch.nn.TransformerEncoderLayer(4, 2, 3, dropout=0.0, activation=activation)


def names(torch, x):
    """The texts and marks of layers with different activations, and the output with a function."""
    nn, F = torch.nn, torch.nn.functional
    given = ["relu", "gelu", F.relu, F.gelu, torch.tanh, nn.ReLU(), nn.GELU(), nn.Tanh()]
    layers = [with_modules(torch, activation) for activation in given]
    torch.manual_seed(3)
    layer = with_modules(torch, torch.tanh).to(x.dtype).to(x.device)
    return [[repr(each), each.activation_relu_or_gelu, list(each.state_dict())] for each in layers], layer(x)


CASES.append(oracle.ScriptCase("TransformerEncoderLayer", [(2, 4)], run=names, id="activations", tiny=False))
ERRORS = [
    ErrorCase(lambda torch: with_modules(torch, "tanh"), ["relu/gelu", "tanh"], id="name of the activation"),
    ErrorCase(lambda torch: torch.nn.TransformerEncoderLayer(5, 2), ["5", "2"], id="heads"),
    ErrorCase(
        lambda torch: torch.nn.TransformerEncoderLayer(4, 2)(torch.ones(3, 4), src_mask=torch.ones(3, 3).long()),
        ["src_mask", "int64"],
        id="dtype of the mask",
    ),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_the_mask_of_bools_hides_where_it_is_true():
    import reftorch

    layer = reftorch.nn.TransformerEncoderLayer(4, 2, 3, dropout=0.0)
    x = reftorch.randn(3, 4)
    hidden = reftorch.tensor([[False, False, True]] * 3)
    y = layer(x, src_mask=hidden)
    x[2] += 1
    changed = (layer(x, src_mask=hidden) - y).abs().amax(1)
    assert (changed[:2] == 0).all() and changed[2] > 0
    with pytest.warns(UserWarning, match="mismatched src_key_padding_mask and src_mask"):
        layer(x, src_mask=hidden, src_key_padding_mask=reftorch.zeros(3))
