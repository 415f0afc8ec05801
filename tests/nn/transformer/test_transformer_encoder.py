"""TransformerEncoder against torch: copies of the layer, norm, masks and the search for a causal one, the warning."""

import warnings

import pytest

import oracle
import reftorch
from oracle import ErrorCase
from reftorch import nn
from transformer_cases import CAUSAL, HIDDEN, PADDING, call

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")


def encoder(nn, layers=2, norm=True, **kwargs):
    layer = nn.TransformerEncoderLayer(4, 2, 3, **{"dropout": 0.0, **kwargs})
    return nn.TransformerEncoder(layer, layers, nn.LayerNorm(4) if norm else None)


def case(id, *shape, masks=None, tiny=False, evaluate=False, **kwargs):
    build = lambda nn: encoder(nn, **kwargs)  # noqa: E731
    shape = shape or (3, 2, 4)
    return call("TransformerEncoder", id, shape, build=build, masks=masks, tiny=tiny, evaluate=evaluate)


def described(torch, x):
    made = encoder(torch.nn).to(x.device)
    return repr(made), list(made.state_dict()), made.num_layers, [p for p in made.parameters()]


CASES = [
    case("one sequence", 2, 4, tiny=True),
    case("batch"),
    case("no norm", norm=False),
    case("normalized first", norm_first=True),
    case("batch first", 2, 3, 4, batch_first=True),
    case("dropout", dropout=0.5),
    case("mask", masks=dict(mask=HIDDEN)),
    case("causal", masks=dict(mask=CAUSAL)),
    case("causal, batch first", 2, 3, 4, masks=dict(mask=CAUSAL), batch_first=True),
    case("padding", masks=dict(src_key_padding_mask=PADDING)),
    case("causal and padding", masks=dict(mask=CAUSAL, src_key_padding_mask=PADDING)),
    case("evaluation", 2, 3, 4, batch_first=True, dropout=0.5, evaluate=True),
    oracle.ScriptCase("TransformerEncoder", [(1,)], run=described, id="names", gradcheck=False, tiny=False),
]
ERRORS = [
    ErrorCase(
        lambda torch: encoder(torch.nn)(torch.ones(3, 4), mask=torch.ones(3, 3).long()), ["mask", "int64"], id="mask"
    )
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def layer_of(nn, heads=2, eps=1e-5, **kwargs):
    made = nn.TransformerEncoderLayer(4, heads, 3, **kwargs)
    made.norm1.eps = eps
    return made


@pytest.mark.parametrize(
    "options",
    [
        dict(),
        dict(batch_first=True),
        dict(batch_first=True, norm_first=True),
        dict(batch_first=True, bias=False),
        dict(batch_first=True, activation=abs),
        dict(batch_first=True, eps=1e-3),
        dict(batch_first=True, heads=1),
    ],
    ids=str,
)
def test_warns_of_nested_tensors_as_torch(options):
    torch = pytest.importorskip("torch")
    texts = []
    for library in (torch.nn, nn):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            made = library.TransformerEncoder(layer_of(library, **options), 1)
            library.TransformerEncoder(layer_of(library, **options), 1, enable_nested_tensor=False)
        texts.append([made.use_nested_tensor, *(str(warning.message) for warning in found)])
    assert texts[0] == texts[1]


def test_layers_are_copies():
    layer = nn.TransformerEncoderLayer(4, 2, 3)
    made = nn.TransformerEncoder(layer, 2)
    with reftorch.no_grad():
        made.layers[0].linear1.weight.zero_()
    assert (made.layers[1].linear1.weight == layer.linear1.weight).all() and (layer.linear1.weight != 0).any()
