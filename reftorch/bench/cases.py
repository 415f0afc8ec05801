"""What is measured, as plain data: each line is one case.

A case names a component, where its size comes from, the shape of its input, and the arguments of its layer. Sizes range from
1,000 to 10 million elements. `work.py` counts the operations and bytes of a case, `jobs.py` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """`x` is the shape of the input; `options` are the arguments of the layer, and other options that `jobs.py` reads."""

    component: str
    name: str
    x: Shape
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions that can be timed: forward, backward, both; step; call."""
        if self.component == "Module":
            return ("call",)
        return ("step",) if self.component in ("LeNet", "SparseAdam", *OPTIMIZERS, *CLIPPING) else ALL


ALL = ("forward", "backward", "both")
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta")
CLIPPING = ("clip_grad_norm_", "clip_grad_value_")
OF_PARAMETERS = (*OPTIMIZERS, *CLIPPING, "parameters_to_vector")  # no input, but "params", a list of shapes


def conv(name: str, x: Shape, out_channels: int, kernel_size: int, kind: str = "Conv2d", **options: int) -> Case:
    return Case(kind, name, x, dict(in_channels=x[1], out_channels=out_channels, kernel_size=kernel_size, **options))


def pool(name: str, x: Shape, kernel_size: int = 2, kind: str = "MaxPool2d", **options: Any) -> Case:
    return Case(kind, name, x, dict(kernel_size=kernel_size, **options))


def grid(name: str, x: Shape, **options: str) -> Case:
    """The output is as large as the input. Each output element is sampled at its own pixel's position, moved a little."""
    return Case("grid_sample", name, x, options)


def linear(name: str, rows: int, in_features: int, out_features: int) -> Case:
    return Case("Linear", name, (rows, in_features), dict(in_features=in_features, out_features=out_features))


def matmul(name: str, a: Shape, b: Shape, turned: str = "") -> Case:
    """`turned` names the factors that are transposed views: "a", "b"."""
    return Case("matmul", name, a, dict(b=b, turned=turned))


def recurrent(component: str, name: str, x: Shape, hidden_size: int) -> Case:
    return Case(component, name, x, dict(input_size=x[-1], hidden_size=hidden_size))


def sgd(name: str, *params: Shape, **options: Any) -> Case:
    return Case("SGD", name, (), dict(params=params, momentum=0.9, **options))


def optimizer(component: str, name: str, *params: Shape) -> Case:
    return Case(component, name, (), dict(params=params))


def attention(name: str, x: Shape, num_heads: int, need_weights: bool) -> Case:
    return Case("MultiheadAttention", name, x, dict(embed_dim=x[2], num_heads=num_heads, need_weights=need_weights))


def adaptive_loss(name: str, x: Shape, n_classes: int, *cutoffs: int) -> Case:
    options = dict(in_features=x[1], n_classes=n_classes, cutoffs=cutoffs)
    return Case("AdaptiveLogSoftmaxWithLoss", name, x, options)


def utility(component: str, name: str, *params: Shape, **options: float) -> Case:
    """The functions of `nn.utils` for parameters and for their gradients."""
    return Case(component, name, (), dict(params=params, **options))


LENET = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,))
PERCEPTRON = ((512, 784), (512,), (512, 512), (512,), (10, 512), (10,))
DEEP = ((64, 64, 3, 3), (64,)) * 31  # as many tensors as ResNet-18 has

ACTIVATIONS: dict[str, dict[str, Any]] = {  # and the arguments that they need
    **dict.fromkeys(("Sigmoid", "Tanh", "GELU", "SiLU", "Mish", "ELU", "SELU", "CELU", "Softplus", "LogSigmoid"), {}),
    **dict.fromkeys(("Hardtanh", "ReLU6", "Hardswish", "Hardsigmoid", "Hardshrink", "Softshrink"), {}),
    **dict.fromkeys(("Tanhshrink", "Softsign", "GLU", "RReLU", "LeakyReLU"), {}),
    "Threshold": dict(threshold=0.1, value=20.0),
}

POINTWISE_LOSSES = (
    *("MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss"),
    *("PoissonNLLLoss", "SoftMarginLoss", "HingeEmbeddingLoss"),
)

DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")

CASES = (
    # ------------------------------------------------------------------------------------------------ N, C, H, W
    conv("LeNet conv1", (64, 1, 28, 28), 6, 5, padding=2),
    conv("LeNet conv2", (64, 6, 14, 14), 16, 5),
    conv("small images", (64, 32, 32, 32), 64, 3, padding=1),
    conv("VGG 64 to 128", (8, 64, 56, 56), 128, 3, padding=1),
    conv("VGG one image", (1, 128, 56, 56), 128, 3, padding=1),
    conv("VGG 512", (4, 512, 14, 14), 512, 3, padding=1),
    conv("ResNet 7x7 stride 2", (8, 3, 224, 224), 64, 7, stride=2, padding=3),
    conv("ResNet 3x3 stride 2", (16, 64, 56, 56), 128, 3, stride=2, padding=1),
    conv("ResNet 3x3 at 14x14", (16, 256, 14, 14), 256, 3, padding=1),
    conv("ResNet 3x3 at 7x7", (16, 512, 7, 7), 512, 3, padding=1),
    conv("ResNet 1x1", (16, 256, 28, 28), 64, 1),
    conv("ResNet 1x1 stride 2", (16, 64, 56, 56), 128, 1, stride=2),
    conv("dilation 2", (4, 64, 28, 28), 64, 3, padding=2, dilation=2),
    conv("32 groups", (16, 128, 28, 28), 128, 3, padding=1, groups=32),
    conv("depthwise", (16, 64, 56, 56), 64, 3, padding=1, groups=64),
    conv("depthwise stride 2", (16, 64, 56, 56), 64, 3, stride=2, padding=1, groups=64),
    conv("1,000 elements", (1, 4, 16, 16), 8, 3, padding=1),
    # -------------------------------------------------- N, C, L or D, H, W; and transposed convolutions, whose output is larger
    conv("text", (32, 256, 128), 256, 3, "Conv1d", padding=1),
    conv("sound", (8, 1, 16_000), 64, 80, "Conv1d", stride=4),
    conv("small volumes", (2, 64, 8, 14, 14), 64, 3, "Conv3d", padding=1),
    conv("video", (2, 16, 16, 32, 32), 32, 3, "Conv3d", padding=1),
    conv("sound", (16, 128, 256), 64, 4, "ConvTranspose1d", stride=2, padding=1),
    conv("DCGAN", (16, 256, 8, 8), 128, 4, "ConvTranspose2d", stride=2, padding=1),
    conv("U-Net", (4, 128, 28, 28), 64, 2, "ConvTranspose2d", stride=2),
    conv("small volumes", (2, 32, 8, 8, 8), 16, 2, "ConvTranspose3d", stride=2),
    Case("Unfold", "small images", (8, 16, 32, 32), dict(kernel_size=3, padding=1)),
    Case("Fold", "small images", (8, 144, 1024), dict(output_size=(32, 32), kernel_size=3, padding=1)),
    Case("ZeroPad2d", "VGG", (8, 64, 56, 56), dict(padding=1)),
    Case("ReflectionPad2d", "VGG", (8, 64, 56, 56), dict(padding=1)),
    Case("ReplicationPad2d", "VGG", (8, 64, 56, 56), dict(padding=1)),
    Case("CircularPad2d", "VGG", (8, 64, 56, 56), dict(padding=1)),
    Case("PixelShuffle", "small images", (8, 64, 32, 32), dict(upscale_factor=2)),
    Case("PixelUnshuffle", "small images", (8, 16, 64, 64), dict(downscale_factor=2)),
    Case("ChannelShuffle", "ShuffleNet", (8, 64, 56, 56), dict(groups=4)),
    Case("Upsample", "U-Net, bilinear", (4, 64, 56, 56), dict(scale_factor=2, mode="bilinear")),
    Case("Upsample", "U-Net, nearest", (4, 64, 56, 56), dict(scale_factor=2, mode="nearest")),
    Case("Upsample", "segmentation, bilinear", (2, 21, 32, 32), dict(scale_factor=8, mode="bilinear")),
    Case("Upsample", "small images, bicubic", (8, 3, 64, 64), dict(scale_factor=2, mode="bicubic")),
    Case("Upsample", "video, trilinear", (2, 16, 8, 28, 28), dict(scale_factor=2, mode="trilinear")),
    Case("affine_grid", "photographs", (8, 2, 3), dict(size=(8, 3, 224, 224), align_corners=False)),
    Case("affine_grid", "volumes", (2, 3, 4), dict(size=(2, 1, 32, 64, 64), align_corners=False)),
    grid("digits", (64, 1, 28, 28)),
    grid("optical flow", (4, 32, 64, 64)),
    grid("optical flow, nearest", (4, 32, 64, 64), mode="nearest"),
    grid("optical flow, bicubic", (4, 32, 64, 64), mode="bicubic"),
    grid("volumes", (2, 4, 16, 32, 32)),
    pool("1,000 elements", (1, 4, 16, 16)),
    pool("10,000 elements", (4, 10, 16, 16)),
    pool("100,000 elements", (10, 10, 32, 32)),
    pool("LeNet", (64, 6, 28, 28)),
    pool("1 million elements", (64, 16, 32, 32)),
    pool("VGG", (8, 64, 112, 112)),
    pool("ResNet 3x3 stride 2", (8, 64, 112, 112), 3, stride=2, padding=1),
    pool("10 million elements", (16, 64, 100, 100)),
    Case("AvgPool2d", "VGG", (8, 64, 112, 112), dict(kernel_size=2)),
    Case("AvgPool2d", "Inception 3x3", (8, 64, 56, 56), dict(kernel_size=3, stride=1, padding=1)),
    Case("AdaptiveAvgPool2d", "ResNet", (16, 512, 7, 7), dict(output_size=1)),
    Case("AdaptiveAvgPool2d", "VGG", (8, 64, 30, 30), dict(output_size=7)),
    Case("AdaptiveMaxPool2d", "VGG", (8, 64, 30, 30), dict(output_size=7)),
    pool("VGG", (8, 64, 112, 112), kind="LPPool2d", norm_type=2),
    pool("VGG, cubes", (8, 64, 112, 112), kind="LPPool2d", norm_type=3.0),
    pool("VGG", (8, 64, 56, 56), kind="FractionalMaxPool2d", output_ratio=0.7),
    pool("U-Net", (8, 64, 28, 28), kind="MaxUnpool2d"),
    *[pool("sound", (16, 64, 4096), 4, kind) for kind in ("MaxPool1d", "AvgPool1d", "MaxUnpool1d")],
    pool("sound", (16, 64, 4096), 4, kind="LPPool1d", norm_type=2),
    *[pool("video", (2, 16, 16, 56, 56), 2, kind) for kind in ("MaxPool3d", "AvgPool3d")],
    pool("video 3x3x3 stride 2", (2, 16, 16, 56, 56), 3, "MaxPool3d", stride=2, padding=1),
    pool("video", (2, 16, 16, 56, 56), kind="LPPool3d", norm_type=2),
    pool("video", (2, 16, 16, 28, 28), kind="FractionalMaxPool3d", output_ratio=0.7),
    pool("video", (2, 16, 8, 28, 28), kind="MaxUnpool3d"),
    *[Case(f"Adaptive{kind}", "sound", (16, 64, 4096), dict(output_size=100)) for kind in ("AvgPool1d", "MaxPool1d")],
    *[
        Case(f"Adaptive{kind}", "video", (2, 16, 16, 56, 56), dict(output_size=(4, 7, 7)))
        for kind in ("AvgPool3d", "MaxPool3d")
    ],
    # ------------------------------------------------------------------------- rows, in_features, out_features
    linear("LeNet fc1", 64, 400, 120),
    linear("LeNet fc2", 64, 120, 84),
    linear("LeNet fc3", 64, 84, 10),
    linear("one image", 1, 784, 512),
    linear("1,000 elements", 10, 100, 100),
    linear("256 x 256 x 256", 256, 256, 256),
    linear("VGG", 32, 4096, 1000),
    linear("ResNet", 64, 2048, 1000),
    linear("Transformer 512", 512, 512, 512),
    linear("Transformer 768 to 3072", 256, 768, 3072),
    Case("Bilinear", "pairs of words", (128, 64), dict(in1_features=64, in2_features=64, out_features=32)),
    matmul("64 x 64 x 64", (64, 64), (64, 64)),
    matmul("256 x 256 x 256", (256, 256), (256, 256)),
    matmul("512 x 512 x 512", (512, 512), (512, 512)),
    matmul("1024 x 1024 x 1024", (1024, 1024), (1024, 1024)),
    matmul("Transformer, b transposed", (256, 768), (768, 3072), turned="b"),
    matmul("Transformer, a transposed", (768, 256), (256, 3072), turned="a"),
    matmul("ten columns", (64, 784), (784, 10)),
    matmul("vector times matrix", (1, 784), (784, 512)),
    matmul("matrix times vector", (1024, 1024), (1024, 1)),
    # ----------------------------------------------------------------------------- samples, heads, positions, size of a head
    Case("scaled_dot_product_attention", "128 positions", (8, 8, 128, 64)),
    Case("scaled_dot_product_attention", "512 positions", (1, 8, 512, 32)),
    # ------------------------------------------------------------------------------------ positions, samples, embed_dim
    attention("sentences", (64, 16, 64), 4, need_weights=False),
    attention("sentences, with weights", (64, 16, 64), 4, need_weights=True),
    # ------------------------------------------------------------------------------------------- any number of dimensions
    Case("ReLU", "1,000 elements", (1000,)),
    Case("ReLU", "10,000 elements", (10_000,)),
    Case("ReLU", "100,000 elements", (100_000,)),
    Case("ReLU", "LeNet", (64, 6, 28, 28)),
    Case("ReLU", "1 million elements", (1_000_000,)),
    Case("ReLU", "Transformer", (512, 3072)),
    Case("ReLU", "VGG", (8, 64, 112, 112)),
    Case("ReLU", "10 million elements", (10_000_000,)),
    Case("LeakyReLU", "1,000 elements", (1000,)),
    *[Case(name, "10,000 elements", (10_000,)) for name in ("Sigmoid", "Tanh", "GELU")],
    *[Case(name, "Transformer", (512, 3072), options) for name, options in ACTIVATIONS.items()],
    Case("PReLU", "ResNet", (8, 64, 56, 56), dict(num_parameters=64)),
    # ----------------------------------------------------------------------------------------------- classes along `dim`
    Case("Softmax", "10,000 elements", (1000, 10), dict(dim=1)),
    Case("Softmax", "attention", (96, 128, 128), dict(dim=2)),
    Case("Softmax", "segmentation", (4, 21, 128, 128), dict(dim=1)),
    Case("LogSoftmax", "10,000 elements", (1000, 10), dict(dim=1)),
    Case("LogSoftmax", "Transformer", (256, 32_000), dict(dim=1)),
    Case("LogSoftmax", "segmentation", (4, 21, 128, 128), dict(dim=1)),
    Case("Softmin", "attention", (96, 128, 128), dict(dim=2)),
    Case("Softmax2d", "segmentation", (4, 21, 128, 128)),
    Case("gumbel_softmax", "ResNet", (256, 1000), dict(dim=1)),
    # ----------------------------------------------------------------------------------------- N, channels or features
    Case(
        "TransformerEncoderLayer", "small", (32, 64, 128), dict(d_model=128, nhead=4, dim_feedforward=512, dropout=0.0)
    ),
    Case("LayerNorm", "10,000 elements", (100, 100), dict(normalized_shape=100)),
    Case("LayerNorm", "Transformer", (512, 768), dict(normalized_shape=768)),
    Case("RMSNorm", "Transformer", (512, 768), dict(normalized_shape=768)),
    Case("LocalResponseNorm", "AlexNet", (16, 64, 27, 27), dict(size=5)),
    Case("BatchNorm1d", "1,000 elements", (32, 32), dict(num_features=32)),
    Case("BatchNorm1d", "perceptron", (256, 512), dict(num_features=512)),
    Case("BatchNorm2d", "small images", (64, 32, 14, 14), dict(num_features=32)),
    Case("BatchNorm2d", "ResNet", (16, 64, 56, 56), dict(num_features=64)),
    Case("BatchNorm3d", "video", (2, 16, 16, 56, 56), dict(num_features=16)),
    Case("GroupNorm", "ResNet", (16, 64, 56, 56), dict(num_groups=32, num_channels=64)),
    Case("InstanceNorm2d", "ResNet", (16, 64, 56, 56), dict(num_features=64)),
    Case("InstanceNorm1d", "sound", (16, 64, 4096), dict(num_features=64)),
    Case("InstanceNorm3d", "video", (2, 16, 16, 56, 56), dict(num_features=16)),
    *[Case(name, "Transformer", (512, 768)) for name in ("Dropout", "AlphaDropout")],
    *[Case(name, "small images", (64, 32, 14, 14)) for name in ("Dropout2d", "FeatureAlphaDropout")],
    Case("Dropout1d", "sound", (16, 64, 4096)),
    Case("Dropout3d", "video", (2, 16, 16, 56, 56)),
    # ------------------------------------------------------------------------------------------------ N, channels, H, W
    Case("Normalize", "1,000 elements", (1, 3, 18, 18)),
    Case("Normalize", "10,000 elements", (4, 3, 29, 29)),
    Case("Normalize", "one photograph", (3, 224, 224)),
    Case("Normalize", "128 small images", (128, 3, 32, 32)),
    Case("Normalize", "1 million elements", (7, 3, 224, 224)),
    Case("Normalize", "10 million elements", (66, 3, 224, 224)),
    # ------------------------------------------------------------------------------------- samples, classes, positions
    Case("CrossEntropyLoss", "LeNet", (64, 10)),
    Case("CrossEntropyLoss", "1,000 elements", (100, 10)),
    Case("CrossEntropyLoss", "10,000 elements", (1000, 10)),
    Case("CrossEntropyLoss", "100,000 elements", (10_000, 10)),
    Case("CrossEntropyLoss", "ResNet", (256, 1000)),
    Case("CrossEntropyLoss", "1 million elements", (1000, 1000)),
    Case("CrossEntropyLoss", "segmentation", (4, 21, 128, 128)),
    Case("CrossEntropyLoss", "Transformer", (256, 32_000)),
    Case("CrossEntropyLoss", "10 million elements", (10_000, 1000)),
    Case("NLLLoss", "segmentation", (4, 21, 128, 128)),
    Case("MultiMarginLoss", "ResNet", (256, 1000)),
    Case("MultiLabelMarginLoss", "COCO", (1000, 80), dict(labels=3)),
    Case("MultiLabelSoftMarginLoss", "COCO", (1000, 80)),
    # --------------------------------------------------------------------------- losses with weights: samples, in_features
    Case("LinearCrossEntropyLoss", "words", (256, 256), dict(in_features=256, num_classes=10_000)),
    adaptive_loss("words", (256, 128), 10_000, 1000, 5000),
    # ------------------------------------------------------------------------------------------------ losses per element
    Case("MSELoss", "1,000 elements", (100, 10)),
    Case("MSELoss", "1 million elements", (1000, 1000)),
    Case("L1Loss", "1 million elements", (1000, 1000)),
    Case("HuberLoss", "1 million elements", (1000, 1000)),
    Case("SmoothL1Loss", "1 million elements", (1000, 1000)),
    Case("BCELoss", "1 million elements", (1000, 1000)),
    Case("BCEWithLogitsLoss", "10,000 elements", (100, 100)),
    Case("BCEWithLogitsLoss", "1 million elements", (1000, 1000)),
    Case("KLDivLoss", "1 million elements", (1000, 1000), dict(reduction="batchmean")),
    *[
        Case(name, "1 million elements", (1000, 1000))
        for name in ("PoissonNLLLoss", "SoftMarginLoss", "HingeEmbeddingLoss", "GaussianNLLLoss", "MarginRankingLoss")
    ],
    # ------------------------------------------------------------------------------- losses of pairs and triplets of vectors
    Case("CosineEmbeddingLoss", "1 million elements", (1000, 1000)),
    Case("TripletMarginLoss", "faces", (1000, 128)),
    Case("TripletMarginWithDistanceLoss", "faces", (1000, 128)),
    # ------------------------------------------------------------------------------------ time steps, samples, classes
    Case("CTCLoss", "letters", (150, 32, 30), dict(labels=30)),
    # -------------------------------------------------------------------------------------- time steps, samples, input_size
    recurrent("LSTM", "50 times", (50, 64, 128), 256),
    recurrent("LSTM", "one short sentence", (20, 1, 64), 64),
    recurrent("GRU", "50 times", (50, 64, 128), 256),
    recurrent("RNN", "50 times", (50, 64, 128), 256),
    *[recurrent(kind, "one time", (64, 128), 256) for kind in ("RNNCell", "LSTMCell", "GRUCell")],
    # ------------------------------------------------------------------------------------------------- samples, ids of each
    Case("Embedding", "words", (64, 50), dict(num_embeddings=10_000, embedding_dim=128)),
    Case("EmbeddingBag", "bags of words", (100, 32), dict(num_embeddings=10_000, embedding_dim=128)),
    # ------------------------------------------------------------------------------------------------- pairs of vectors
    Case("CosineSimilarity", "1 million elements", (1000, 1000)),
    Case("PairwiseDistance", "1 million elements", (1000, 1000)),
    Case("pdist", "words", (500, 64)),
    # --------------------------------------------------------------------------------------------------- parameters
    sgd("1,000 elements", (1000,)),
    sgd("10,000 elements", (100, 100)),
    sgd("100,000 elements", (100, 1000)),
    sgd("1 million elements", (1000, 1000)),
    sgd("10 million elements", (2500, 4000)),
    sgd("LeNet", *LENET),
    sgd("LeNet, foreach", *LENET, foreach=True),
    sgd("perceptron", *PERCEPTRON),
    sgd("62 tensors", *DEEP),
    *[optimizer(kind, "1 million elements", (1000, 1000)) for kind in OPTIMIZERS if kind != "SGD"],
    *[optimizer(kind, "LeNet", *LENET) for kind in OPTIMIZERS if kind != "SGD"],
    Case("SparseAdam", "words", (64, 50), dict(num_embeddings=10_000, embedding_dim=128)),
    utility("clip_grad_norm_", "LeNet", *LENET, max_norm=1.0),
    utility("clip_grad_norm_", "62 tensors", *DEEP, max_norm=1.0),
    utility("clip_grad_value_", "LeNet", *LENET, clip_value=1.0),
    utility("clip_grad_value_", "62 tensors", *DEEP, clip_value=1.0),
    utility("parameters_to_vector", "LeNet", *LENET),
    utility("parameters_to_vector", "62 tensors", *DEEP),
    Case("weight_norm", "ResNet 3x3", (256, 256, 3, 3)),
    Case("spectral_norm", "ResNet 3x3", (256, 256, 3, 3)),
    # ------------------------------------------------------------------------------------------- the cost of Python
    Case("Module", "call that does nothing", (1,), dict(what="call")),
    Case("Module", "eight of them in a Sequential", (1,), dict(what="sequential")),
    Case("Module", "parameters() of LeNet", (1,), dict(what="parameters")),
    Case("Module", "state_dict() of LeNet", (1,), dict(what="state_dict")),
    Case("LeNet", "training step, one image", (1, 1, 28, 28), dict(lr=0.001, momentum=0.9)),
    Case("LeNet", "training step, batch 64", (64, 1, 28, 28), dict(lr=0.001, momentum=0.9)),
)
