"""The names of the nodes of the tape are PyTorch's, where one operation there is one here."""

import pytest

import reftorch

CASES = {
    "ReluBackward0": lambda m, x: m.relu(x),
    "SelectBackward0": lambda m, x: x[0],
    "SliceBackward0": lambda m, x: x[:1],
    "AddmmBackward0": lambda m, x: m.nn.Linear(4, 2)(x.view(8, 4)),
    "MseLossBackward0": lambda m, x: m.nn.functional.mse_loss(x, m.zeros(1, 2, 4, 4)),
    "NllLossBackward0": lambda m, x: m.nn.functional.cross_entropy(x.view(8, 4), m.zeros(8, dtype=m.long)),
    "NativeLayerNormBackward0": lambda m, x: m.nn.functional.layer_norm(x, (4,)),
    "NativeGroupNormBackward0": lambda m, x: m.nn.functional.group_norm(x, 2),
    "NativeBatchNormBackward0": lambda m, x: m.nn.BatchNorm2d(2)(x),
    "ConstantPadNdBackward0": lambda m, x: m.nn.functional.pad(x, (1, 1)),
    "ReflectionPad1DBackward0": lambda m, x: m.nn.functional.pad(x[0], (1, 0), mode="reflect"),
    "ReflectionPad2DBackward0": lambda m, x: m.nn.functional.pad(x, (1, 0, 0, 0), mode="reflect"),
    "ReplicationPad2DBackward0": lambda m, x: m.nn.functional.pad(x, (1, 1, 2, 0), mode="replicate"),
    "Im2ColBackward0": lambda m, x: m.nn.functional.unfold(x, 2),
    "Col2ImBackward0": lambda m, x: m.nn.functional.fold(x.view(1, 8, 4), (3, 3), 2),
}
for _d in (1, 2, 3):
    CASES[f"ConvolutionBackward0 {_d}d"] = lambda m, x, d=_d: getattr(m.nn, f"Conv{d}d")(1, 1, 1)(
        x.view(1, 1, *(2,) * (d - 1), -1)
    )
    CASES[f"ConvolutionBackward0 {_d}d, transposed"] = lambda m, x, d=_d: getattr(m.nn, f"ConvTranspose{d}d")(1, 1, 1)(
        x.view(1, 1, *(2,) * (d - 1), -1)
    )


@pytest.mark.parametrize("name", CASES)
def test_name(name):
    torch = pytest.importorskip("torch")
    for module in (torch, reftorch):
        assert CASES[name](module, module.rand(1, 2, 4, 4).requires_grad_()).grad_fn.name() == name.partition(" ")[0]
