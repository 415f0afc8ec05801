"""TransformerDecoderLayer against torch: order of the parts, masks of the target and of the memory, dropout, initial values."""

import oracle
from oracle import ErrorCase, ModuleCase
from transformer_cases import CAUSAL, PADDING, call

SIZES = dict(d_model=4, nhead=2, dim_feedforward=3)
MEMORY = [[False, True, False, False], [True, False, False, False], [False, False, True, True]]


def layer(id, *shapes, tiny=False, train=True, gradcheck=False, **kwargs):
    kwargs = {**SIZES, "dropout": 0.0, **kwargs}
    inputs = shapes or [(3, 2, 4), (5, 2, 4)]
    name = "TransformerDecoderLayer"
    return ModuleCase(name, inputs, kwargs=kwargs, id=id, tiny=tiny, train=train, gradcheck=gradcheck)


def masked(id, masks, **kwargs):
    options = {**SIZES, "dropout": 0.0, **kwargs}
    build = lambda nn: nn.TransformerDecoderLayer(**options)  # noqa: E731
    return call("TransformerDecoderLayer", id, (3, 2, 4), (4, 2, 4), build=build, masks=masks)


CASES = [
    layer("one sequence", (2, 4), (3, 4), tiny=True, gradcheck=True),
    layer("normalized first", norm_first=True),
    layer("batch"),
    layer("batch first", (2, 3, 4), (2, 5, 4), batch_first=True),
    layer("gelu", activation="gelu"),
    layer("no bias", bias=False),
    layer("dropout", dropout=0.5),
    layer("dropout, normalized first", dropout=0.5, norm_first=True),
    layer("evaluation", dropout=0.5, train=False),
    layer("large", (20, 4, 64), (30, 4, 64), d_model=64, nhead=4, dim_feedforward=100),
    masked("causal", dict(tgt_mask=CAUSAL)),
    masked("mask of the memory", dict(memory_mask=MEMORY)),
    masked("padding of the target", dict(tgt_key_padding_mask=PADDING)),
    masked("padding of the memory", dict(memory_key_padding_mask=[[False, True, False, False], [False] * 4])),
    masked(
        "all",
        dict(
            tgt_mask=CAUSAL,
            memory_mask=MEMORY,
            tgt_key_padding_mask=PADDING,
            memory_key_padding_mask=[[False, False, False, False], [False, True, False, False]],
        ),
        norm_first=True,
    ),
]
ERRORS = [
    ErrorCase(lambda torch: torch.nn.TransformerDecoderLayer(4, 2, activation="elu"), ["elu"], id="activation"),
    ErrorCase(
        lambda torch: torch.nn.TransformerDecoderLayer(4, 2)(torch.ones(3, 4), torch.ones(3, 5)),
        ["4", "5"],
        id="size of the memory",
    ),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
