"""MultiheadAttention and F.multi_head_attention_forward against torch: masks, biases, sizes of keys and values, one sequence."""

import math

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ModuleCase, ScriptCase
from reftorch import nn

HIDDEN = [[False, True, False, False], [False, False, True, False], [True, False, False, False]]
CAUSAL = [[False, True, True, True], [False, False, True, True], [False, False, False, True], [False] * 4]
PADDING = [[False, False, True, True], [False, True, False, False]]
ADDED = [[0.5, -1, 0, 2], [0, -math.inf, 1, 0], [-math.inf, 1, 0, -2]]


def attend(id, *inputs, call=None, **kwargs):
    """Forward with keyword arguments, under either library; the output, and the weights if there are some."""
    call = call or {}

    def run(torch, *given):
        torch.manual_seed(3)
        layer = torch.nn.MultiheadAttention(4, 2, **kwargs).to(given[0].dtype).to(given[0].device)
        with torch.no_grad():  # the biases begin as zeros
            for p in (p for name, p in layer.named_parameters() if "bias" in name):
                p.copy_(torch.linspace(-1, 1, p.numel(), dtype=p.dtype, device=p.device).reshape(p.shape))
        torch.manual_seed(4)
        names = [name for name in ("key_padding_mask", "attn_mask") if name in call]
        masks = {name: torch.tensor(call[name], device=given[0].device) for name in names}
        masks = {name: mask.to(given[0].dtype) if mask.is_floating_point() else mask for name, mask in masks.items()}
        found = [y for y in layer(*given[:3], **{**call, **masks}) if y is not None]
        gradients = torch.autograd.grad([y.square().sum() for y in found], [*layer.parameters()], retain_graph=True)
        return [*found, *(g for g in gradients)]

    tiny = id in ("no weights", "padding and mask, no weights", "padding and added keys", "dropout, no weights")
    return ScriptCase("MultiheadAttention", inputs, run=run, id=id, gradcheck=False, tiny=tiny)


CROSS = (3, 2, 4), (4, 2, 4), (4, 2, 4)
FAST = dict(need_weights=False)
CASES = [
    ModuleCase("MultiheadAttention", CROSS, args=(4, 2), id="cross-attention"),
    ModuleCase("MultiheadAttention", CROSS, args=(4, 1), kwargs=dict(bias=False), id="one head, no bias"),
    ModuleCase("MultiheadAttention", CROSS, args=(4, 4), kwargs=dict(add_bias_kv=True), id="key and value added"),
    ModuleCase("MultiheadAttention", CROSS, args=(4, 2), kwargs=dict(add_zero_attn=True), id="zeros added"),
    ModuleCase("MultiheadAttention", [(3, 4), (4, 4), (4, 4)], args=(4, 2), id="one sequence"),
    ModuleCase(
        "MultiheadAttention",
        [(2, 3, 4), (2, 5, 4), (2, 5, 4)],
        args=(4, 2, 0.0, True, False, False, None, None, True),
        id="batch first",
    ),
    ModuleCase(
        "MultiheadAttention",
        [(3, 2, 4), (4, 2, 3), (4, 2, 5)],
        args=(4, 2),
        kwargs=dict(kdim=3, vdim=5),
        id="kdim and vdim",
    ),
    ModuleCase(
        "MultiheadAttention", [(3, 2, 4), (4, 2, 3), (4, 2, 4)], args=(4, 2), kwargs=dict(kdim=3, bias=False), id="kdim"
    ),
    ModuleCase("MultiheadAttention", CROSS, args=(4, 2), kwargs=dict(dropout=0.5), id="dropout", gradcheck=False),
    ModuleCase("MultiheadAttention", CROSS, args=(4, 2), kwargs=dict(dropout=0.5), id="evaluation", train=False),
    ModuleCase("MultiheadAttention", [(3, 0, 4), (4, 0, 4), (4, 0, 4)], args=(4, 2), id="no samples"),
    ModuleCase("MultiheadAttention", [(40, 4, 32), (50, 4, 32), (50, 4, 32)], args=(32, 4), id="large"),
    attend("cross-attention", *CROSS),
    attend("no weights", *CROSS, call=FAST),
    attend(
        "no weights, one sequence",
        (3, 4),
        (4, 4),
        (4, 4),
        call=dict(FAST, key_padding_mask=PADDING[0], attn_mask=HIDDEN),
    ),
    attend("weights of each head", *CROSS, call=dict(average_attn_weights=False)),
    attend("weights of each head, one sequence", (3, 4), (4, 4), (4, 4), call=dict(average_attn_weights=False)),
    attend("mask", *CROSS, call=dict(attn_mask=HIDDEN)),
    attend("mask, no weights", *CROSS, call=dict(FAST, attn_mask=HIDDEN)),
    attend("added mask", *CROSS, call=dict(FAST, attn_mask=ADDED)),
    attend("mask of each head", *CROSS, call=dict(FAST, attn_mask=[HIDDEN, HIDDEN[::-1]] * 2)),
    attend("mask of each head, weights", *CROSS, call=dict(attn_mask=[HIDDEN, HIDDEN[::-1]] * 2)),
    attend("padding", *CROSS, call=dict(key_padding_mask=PADDING)),
    attend("padding and mask, no weights", *CROSS, call=dict(FAST, key_padding_mask=PADDING, attn_mask=HIDDEN)),
    attend(
        "padding and added keys",
        *CROSS,
        call=dict(key_padding_mask=PADDING, attn_mask=HIDDEN),
        add_bias_kv=True,
        add_zero_attn=True,
    ),
    attend("a query sees nothing", *CROSS, call=dict(FAST, attn_mask=[[True] * 4] + HIDDEN[1:])),
    attend("a query sees nothing, weights", *CROSS, call=dict(attn_mask=[[True] * 4] + HIDDEN[1:])),
    attend(
        "causal hint",
        (4, 2, 4),
        (4, 2, 4),
        (4, 2, 4),
        call=dict(FAST, is_causal=True, attn_mask=CAUSAL),
    ),
    attend(
        "causal hint with padding",
        (4, 2, 4),
        (4, 2, 4),
        (4, 2, 4),
        call=dict(FAST, is_causal=True, attn_mask=CAUSAL, key_padding_mask=PADDING),
    ),
    attend("dropout, no weights", *CROSS, call=FAST, dropout=0.5),
    attend("dropout, batch first", (2, 3, 4), (2, 4, 4), (2, 4, 4), call=FAST, dropout=0.5, batch_first=True),
]


def self_attention(torch, x):
    torch.manual_seed(3)
    layer = torch.nn.MultiheadAttention(4, 2, batch_first=True).to(x.dtype).to(x.device)
    return *layer(x, x, x), layer(x[0], x[0], x[0])[0]


def static(torch, x, k, v):
    """Keys and values that are projected already."""
    layer = torch.nn.MultiheadAttention(4, 2).to(x.dtype).to(x.device)
    return torch.nn.functional.multi_head_attention_forward(
        x, x, x, 4, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0, layer.out_proj.weight,
        layer.out_proj.bias, static_k=k, static_v=v,
    )  # fmt: skip


CASES += [
    ScriptCase("MultiheadAttention", [(2, 3, 4)], run=self_attention, id="self-attention"),
    ScriptCase(
        "multi_head_attention_forward", [(3, 2, 4), (4, 5, 2), (4, 5, 2)], run=static, id="static", gradcheck=False
    ),
]


def forward(*shapes, call=None, **kwargs):
    def run(torch):
        layer = torch.nn.MultiheadAttention(4, 2, **kwargs)
        layer(
            *(torch.ones(shape) for shape in shapes),
            **{k: v(torch) if callable(v) else v for k, v in (call or {}).items()},
        )

    return run


def ones(*shape, dtype="bool"):
    return lambda torch: torch.ones(shape, dtype=getattr(torch, dtype))


ONE = (3, 4), (5, 4), (5, 4)
BATCH = (3, 2, 4), (5, 2, 4), (5, 2, 4)
ERRORS = [
    ErrorCase(lambda torch: torch.nn.MultiheadAttention(5, 2), ["5", "2", "divisible"], id="heads do not divide"),
    ErrorCase(lambda torch: torch.nn.MultiheadAttention(0, 2), ["embed_dim=0"], id="no elements"),
    ErrorCase(lambda torch: torch.nn.MultiheadAttention(4, 0), ["num_heads=0"], id="no heads"),
    ErrorCase(forward((4,), (4,), (4,)), ["1-D"], id="vector"),
    ErrorCase(forward((3, 2, 4), (5, 4), (5, 4)), ["3-D", "2-D"], id="dimensions"),
    ErrorCase(forward((3, 2, 5), (5, 2, 5), (5, 2, 5)), ["4", "5"], id="elements"),
    ErrorCase(forward((3, 2, 4), (5, 2, 4), (6, 2, 4)), ["(5, 2, 4)", "(6, 2, 4)"], id="keys and values"),
    ErrorCase(
        forward((3, 2, 4), (5, 2, 3), (6, 2, 4), kdim=3), ["(5, 2)", "(6, 2)"], id="keys and values of other sizes"
    ),
    ErrorCase(forward(*BATCH, call=dict(attn_mask=ones(3, 4))), ["2D", "(3, 4)", "(3, 5)"], id="mask"),
    ErrorCase(
        forward(*BATCH, call=dict(attn_mask=ones(2, 3, 5))), ["3D", "(2, 3, 5)", "(4, 3, 5)"], id="mask of each head"
    ),
    ErrorCase(forward(*ONE, call=dict(attn_mask=ones(1, 3, 5))), ["(1, 3, 5)", "(2, 3, 5)"], id="mask of one sequence"),
    ErrorCase(forward(*BATCH, call=dict(attn_mask=ones(5))), ["1-D"], id="dimensions of the mask"),
    ErrorCase(
        forward(*BATCH, call=dict(attn_mask=ones(3, 5, dtype="int64"))), ["int64", "bool"], id="dtype of the mask"
    ),
    ErrorCase(
        forward(*BATCH, call=dict(key_padding_mask=ones(2, 5, dtype="int64"))), ["int64"], id="dtype of the padding"
    ),
    ErrorCase(forward(*BATCH, call=dict(key_padding_mask=ones(5))), ["2-D", "1-D"], id="dimensions of the padding"),
    ErrorCase(forward(*BATCH, call=dict(key_padding_mask=ones(2, 4))), ["(2, 4)", "(2, 5)"], id="size of the padding"),
    ErrorCase(forward(*BATCH, call=dict(is_causal=True)), ["attn_mask"], id="causal without a mask"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_masks_of_two_kinds_are_warned_of():
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask"):
        nn.MultiheadAttention(4, 2)(
            *(reftorch.ones(3, 2, 4),) * 3,
            attn_mask=reftorch.zeros(3, 3),
            key_padding_mask=reftorch.zeros(2, 3, dtype=reftorch.bool),
        )
