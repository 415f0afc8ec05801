"""Transformer against torch: the same initial values after the same seed, masks, sizes, custom parts."""

import pytest

import oracle
from oracle import ErrorCase, ModuleCase
from transformer_cases import CAUSAL, PADDING, call

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")
SIZES = dict(d_model=4, nhead=2, num_encoder_layers=2, num_decoder_layers=2, dim_feedforward=3, dropout=0.0)


def model(id, *shapes, tiny=False, train=True, **kwargs):
    inputs = shapes or [(4, 2, 4), (3, 2, 4)]
    kwargs = {**SIZES, **kwargs}
    return ModuleCase("Transformer", inputs, kwargs=kwargs, id=id, tiny=tiny, train=train, gradcheck=False)


def masked(id, *shapes, masks, **kwargs):
    build = lambda nn: nn.Transformer(**{**SIZES, **kwargs})  # noqa: E731
    return call("Transformer", id, *(shapes or [(3, 2, 4), (3, 2, 4)]), build=build, masks=masks)


def causal_masks(torch, x):
    made = torch.nn.Transformer.generate_square_subsequent_mask
    masks = made(0), made(1), made(3), made(4, dtype=torch.float64), made(2, device="cpu", dtype=torch.float32)
    return [mask.to(x.device) for mask in masks]


class Double:
    """Builds a part that doubles what it gets: for `custom_encoder` and `custom_decoder`."""

    def __new__(cls, nn):
        class Part(nn.Module):
            def forward(self, x, *others, **masks):
                return x * 2

        return Part()


def custom(torch, source, target):
    both = torch.nn.Transformer(4, custom_encoder=Double(torch.nn), custom_decoder=Double(torch.nn))
    return both(source, target), list(both.state_dict())


CASES = [
    model("one sequence", (3, 4), (2, 4), tiny=True, num_encoder_layers=1, num_decoder_layers=1),
    model("batch"),
    model("batch first", (2, 4, 4), (2, 3, 4), batch_first=True),
    model("normalized first", norm_first=True),
    model("gelu, no bias", activation="gelu", bias=False),
    model("dropout", dropout=0.5),
    model("evaluation", dropout=0.5, train=False),
    model("large", (20, 4, 32), (10, 4, 32), d_model=32, nhead=4, dim_feedforward=64),
    masked("causal", masks=dict(tgt_mask=CAUSAL)),
    masked("causal source", masks=dict(src_mask=CAUSAL, tgt_mask=CAUSAL)),
    masked("padding", masks=dict(src_key_padding_mask=PADDING, memory_key_padding_mask=PADDING, tgt_mask=CAUSAL)),
    masked("padding of both", masks=dict(src_key_padding_mask=PADDING, tgt_key_padding_mask=PADDING)),
    masked("mask of the memory", masks=dict(memory_mask=CAUSAL)),
    oracle.ScriptCase("Transformer", [(1,)], run=causal_masks, id="causal masks", exact=True, tiny=False),
    oracle.ScriptCase("Transformer", [(3, 4), (2, 4)], run=custom, id="custom parts", tiny=False),
]


def forward(source, target, **kwargs):
    return lambda torch: torch.nn.Transformer(**{**SIZES, **kwargs})(torch.ones(source), torch.ones(target))


ERRORS = [
    ErrorCase(forward((4, 2, 4), (3, 3, 4)), ["batch number", "[4, 2, 4]", "[3, 3, 4]"], id="batch"),
    ErrorCase(forward((2, 4, 4), (3, 4, 4), batch_first=True), ["batch number"], id="batch first"),
    ErrorCase(forward((4, 2, 5), (3, 2, 4)), ["feature number", "5"], id="elements of the source"),
    ErrorCase(forward((4, 2, 4), (3, 2, 5)), ["feature number", "5"], id="elements of the target"),
    ErrorCase(lambda torch: torch.nn.Transformer(1000, 2000, nhead=16), ["nhead"], id="vocabularies"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]
