"""What the tests of the benchmark share: a small case of everything, a run without measuring, and the options as they are parsed."""

import argparse
import io

from rich.console import Console

from reftorch import cli
from reftorch.bench import command
from reftorch.bench.cases import (
    OPTIMIZERS,
    Case,
    adaptive_loss,
    attention,
    conv,
    grid,
    linear,
    matmul,
    optimizer,
    pool,
    recurrent,
    sgd,
    utility,
)
from reftorch.bench.limits import Level, Limits

SMALL = (
    conv("small", (2, 3, 6, 7), 4, 3, padding=1),
    conv("small", (2, 3, 7), 4, 3, "Conv1d", padding=1),
    conv("small", (2, 3, 4, 5, 6), 2, 3, "Conv3d", padding=1),
    conv("small", (2, 3, 4, 5), 4, 3, "ConvTranspose2d", stride=2, padding=1),
    Case("Unfold", "small", (2, 3, 4, 5), dict(kernel_size=2, padding=1)),
    Case("Fold", "small", (2, 12, 30), dict(output_size=(4, 5), kernel_size=2, padding=1)),
    Case("ReflectionPad2d", "small", (2, 3, 4, 5), dict(padding=2)),
    Case("PixelShuffle", "small", (2, 8, 3, 4), dict(upscale_factor=2)),
    Case("Upsample", "small", (2, 3, 4, 5), dict(scale_factor=2, mode="bilinear")),
    pool("small", (2, 3, 6, 8)),
    Case("Upsample", "nearest", (2, 3, 4, 5), dict(scale_factor=2, mode="nearest")),
    Case("AvgPool2d", "small", (2, 3, 6, 8), dict(kernel_size=3, stride=1, padding=1)),
    Case("AdaptiveAvgPool2d", "small", (2, 3, 6, 8), dict(output_size=2)),
    Case("PixelUnshuffle", "small", (2, 2, 6, 4), dict(downscale_factor=2)),
    Case("Upsample", "bicubic", (2, 3, 4, 5), dict(scale_factor=2, mode="bicubic")),
    Case("Upsample", "trilinear", (2, 2, 2, 4, 3), dict(scale_factor=2, mode="trilinear")),
    Case("affine_grid", "small", (2, 2, 3), dict(size=(2, 1, 4, 5), align_corners=False)),
    Case("affine_grid", "volumes", (2, 3, 4), dict(size=(2, 1, 2, 4, 5), align_corners=False)),
    grid("small", (2, 3, 4, 5)),
    grid("nearest", (2, 3, 4, 5), mode="nearest"),
    grid("bicubic", (2, 3, 4, 5), mode="bicubic"),
    grid("volumes", (2, 3, 2, 4, 5)),
    Case("AdaptiveMaxPool3d", "small", (2, 3, 4, 6, 8), dict(output_size=(2, 3, 3))),
    pool("small", (2, 3, 4, 6, 8), 3, "MaxPool3d", stride=2, padding=1),
    pool("small", (2, 3, 4, 6, 8), kind="AvgPool3d"),
    pool("small", (2, 3, 6, 8), kind="LPPool2d", norm_type=2),
    pool("small", (2, 3, 6, 8), kind="FractionalMaxPool2d", output_ratio=0.7),
    pool("small", (2, 3, 4, 6, 8), kind="FractionalMaxPool3d", output_ratio=0.7),
    pool("small", (2, 3, 6, 8), kind="MaxUnpool2d"),
    linear("small", 5, 6, 7),
    Case("Bilinear", "small", (3, 4), dict(in1_features=4, in2_features=5, out_features=2)),
    matmul("small", (3, 4), (4, 5)),
    matmul("turned", (3, 4), (4, 5), turned="ab"),
    Case("ReLU", "small", (5, 6)),
    Case("GELU", "small", (5, 6)),
    Case("GLU", "small", (5, 6)),
    Case("RReLU", "small", (5, 6)),
    Case("LeakyReLU", "small", (5, 6)),
    Case("PReLU", "small", (2, 3, 4), dict(num_parameters=3)),
    Case("Softmax", "small", (5, 6), dict(dim=1)),
    Case("Softmin", "small", (5, 6), dict(dim=1)),
    Case("Softmax2d", "small", (2, 3, 4, 5)),
    Case("gumbel_softmax", "small", (5, 6), dict(dim=1)),
    Case("LayerNorm", "small", (5, 6), dict(normalized_shape=6)),
    Case("RMSNorm", "small", (5, 6), dict(normalized_shape=6)),
    Case("LocalResponseNorm", "small", (2, 6, 4), dict(size=3)),
    Case("BatchNorm1d", "small", (5, 6), dict(num_features=6)),
    Case("BatchNorm2d", "small", (2, 3, 4, 5), dict(num_features=3)),
    Case("GroupNorm", "small", (2, 4, 3, 5), dict(num_groups=2, num_channels=4)),
    Case("InstanceNorm2d", "small", (2, 3, 4, 5), dict(num_features=3)),
    Case("BatchNorm3d", "small", (2, 3, 2, 4, 5), dict(num_features=3)),
    Case("InstanceNorm1d", "small", (2, 3, 5), dict(num_features=3)),
    Case("InstanceNorm3d", "small", (2, 3, 2, 4, 5), dict(num_features=3)),
    *[Case(name, "small", (5, 6)) for name in ("Dropout", "AlphaDropout")],
    Case("Dropout1d", "small", (5, 6, 3)),
    *[Case(name, "small", (5, 6, 2, 3)) for name in ("Dropout2d", "FeatureAlphaDropout")],
    Case("Dropout3d", "small", (5, 6, 2, 3, 2)),
    Case("Embedding", "small", (2, 3), dict(num_embeddings=5, embedding_dim=4)),
    Case("EmbeddingBag", "small", (2, 3), dict(num_embeddings=5, embedding_dim=4)),
    Case("Normalize", "small", (2, 3, 4, 5)),
    Case("CrossEntropyLoss", "small", (6, 4)),
    Case("CrossEntropyLoss", "pictures", (2, 3, 4, 5)),
    Case("NLLLoss", "pictures", (2, 3, 4, 5)),
    Case("MultiMarginLoss", "small", (6, 4)),
    Case("MultiLabelMarginLoss", "small", (6, 5), dict(labels=2)),
    Case("MultiLabelSoftMarginLoss", "small", (6, 5)),
    Case("LinearCrossEntropyLoss", "small", (6, 4), dict(in_features=4, num_classes=5)),
    *[
        Case(name, "small", (5, 6))
        for name in ("PoissonNLLLoss", "SoftMarginLoss", "HingeEmbeddingLoss", "GaussianNLLLoss", "MarginRankingLoss")
    ],
    *[
        Case(f"{name}Loss", "small", (5, 6))
        for name in ("CosineEmbedding", "TripletMargin", "TripletMarginWithDistance")
    ],
    Case("pdist", "small", (5, 6)),
    sgd("small", (3, 4), (5,)),
    *[optimizer(kind, "small", (3, 4), (5,)) for kind in OPTIMIZERS if kind != "SGD"],
    Case("SparseAdam", "small", (2, 3), dict(num_embeddings=5, embedding_dim=4)),
    utility("clip_grad_norm_", "small", (3, 4), (5,), max_norm=1.0),
    utility("clip_grad_value_", "small", (3, 4), (5,), clip_value=0.5),
    utility("parameters_to_vector", "small", (3, 4), (5,)),
    Case("weight_norm", "small", (4, 3, 2)),
    Case("spectral_norm", "small", (4, 3, 2)),
    Case("scaled_dot_product_attention", "small", (1, 2, 3, 4)),
    attention("small", (3, 2, 8), 2, need_weights=False),
    attention("with weights", (3, 2, 8), 2, need_weights=True),
    *[recurrent(kind, "small", (2, 3), 4) for kind in ("RNNCell", "LSTMCell", "GRUCell")],
    adaptive_loss("small", (20, 16), 12, 2, 5),
    Case("Module", "call", (1,), dict(what="call")),
    Case("Module", "parameters", (1,), dict(what="parameters")),
)
RELU = (Case("ReLU", "small", (5, 6)),)

LIMITS = Limits(100e9, (Level("L2", 2**20, 50e9), Level("DRAM", 2**27, 10e9)))


def options(*arguments: str) -> argparse.Namespace:
    """Of a short run; on one thread, for then nobody has to rest before a sample."""
    quick = ["--rounds", "2", "--seconds", "0.001", "--threads", "1"]
    return cli.parser().parse_args(["bench", *quick, *arguments])


def without_limits(monkeypatch) -> None:
    """The machine's limits are given, not measured."""
    monkeypatch.setattr(command, "cpu_limits", lambda *arguments: LIMITS)


def bench(*arguments: str, cases=RELU) -> tuple[int, str]:
    """The exit code of `reftorch bench ARGUMENTS` for these cases, and what it prints."""
    console = Console(file=io.StringIO(), width=120)
    code = command.bench(options(*arguments), console, cases)
    return code, console.file.getvalue()
