"""TransformerDecoder against torch: copies of the layer, norm, masks and the search for a causal one."""

import oracle
from oracle import ErrorCase
from transformer_cases import CAUSAL, HIDDEN, PADDING, call


def decoder(nn, layers=2, norm=True, **kwargs):
    layer = nn.TransformerDecoderLayer(4, 2, 3, **{"dropout": 0.0, **kwargs})
    return nn.TransformerDecoder(layer, layers, nn.LayerNorm(4) if norm else None)


def case(id, *shapes, masks=None, tiny=False, **kwargs):
    build = lambda nn: decoder(nn, **kwargs)  # noqa: E731
    shapes = shapes or [(3, 2, 4), (4, 2, 4)]
    return call("TransformerDecoder", id, *shapes, build=build, masks=masks, tiny=tiny)


def described(torch, x):
    made = decoder(torch.nn).to(x.device)
    return repr(made), list(made.state_dict()), made.num_layers, [p for p in made.parameters()]


CASES = [
    case("one sequence", (2, 4), (3, 4), tiny=True, layers=1),
    case("batch"),
    case("no norm", norm=False),
    case("normalized first", norm_first=True),
    case("batch first", (2, 3, 4), (2, 5, 4), batch_first=True),
    case("dropout", dropout=0.5),
    case("mask", masks=dict(tgt_mask=HIDDEN)),
    case("causal", masks=dict(tgt_mask=CAUSAL)),
    case("causal, batch first", (2, 3, 4), (2, 5, 4), masks=dict(tgt_mask=CAUSAL), batch_first=True),
    case("padding", masks=dict(tgt_mask=CAUSAL, tgt_key_padding_mask=PADDING)),
    case("padding of the memory", masks=dict(memory_key_padding_mask=[[False] * 4, [False, True, True, False]])),
    oracle.ScriptCase("TransformerDecoder", [(1,)], run=described, id="names", gradcheck=False, tiny=False),
]
ERRORS = [
    ErrorCase(
        lambda torch: decoder(torch.nn)(torch.ones(3, 4), torch.ones(3, 4), tgt_mask=torch.zeros(2, 3)),
        ["(2, 3)", "(3, 3)"],
        id="size of the mask",
    )
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
