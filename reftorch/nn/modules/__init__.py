"""The import paths of PyTorch's files: `from torch.nn.modules.conv import Conv2d`.

The classes are those of `reftorch.nn`; the table says in which of PyTorch's files each is.
"""

from __future__ import annotations

import pkgutil
import sys
from types import ModuleType
from typing import Any

SECTIONS = {
    "activation": (
        "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish "
        "MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus "
        "Softshrink Softsign Tanh Tanhshrink Threshold"
    ),
    "adaptive": "AdaptiveLogSoftmaxWithLoss",
    "batchnorm": "BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm",
    "channelshuffle": "ChannelShuffle",
    "container": "Container ModuleDict ModuleList ParameterDict ParameterList Sequential",
    "conv": (
        "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d "
        "LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d"
    ),
    "distance": "CosineSimilarity PairwiseDistance",
    "dropout": "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
    "flatten": "Flatten Unflatten",
    "fold": "Fold Unfold",
    "instancenorm": (
        "InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d"
    ),
    "linear": "Bilinear Identity LazyLinear Linear",
    "linear_cross_entropy_options": "LinearCrossEntropyOptions",
    "loss": (
        "BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss "
        "HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss LinearCrossEntropyLoss MSELoss MarginRankingLoss "
        "MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss NLLLoss2d PoissonNLLLoss "
        "SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss"
    ),
    "module": "Module",
    "normalization": "CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
    "padding": (
        "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d "
        "ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d "
        "ZeroPad3d"
    ),
    "pixelshuffle": "PixelShuffle PixelUnshuffle",
    "pooling": (
        "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d "
        "AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d "
        "LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d"
    ),
    "rnn": "GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
    "sparse": "Embedding EmbeddingBag",
    "transformer": "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer",
    "upsampling": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
}  # fmt: skip

# Base classes that programs ask for, as in `isinstance(layer, nn.modules.batchnorm._BatchNorm)`: where they are here.
BASES = {
    ("batchnorm", "_BatchNorm"): "reftorch.nn.normalization.batch_norm_nd._BatchNorm",
    ("batchnorm", "_NormBase"): "reftorch.nn.normalization.batch_norm_nd._NormBase",
    ("conv", "_ConvNd"): "reftorch.nn.convolution.conv_nd.ConvNd",
    ("conv", "_ConvTransposeNd"): "reftorch.nn.convolution.conv_transpose_nd.ConvTransposeNd",
    ("dropout", "_DropoutNd"): "reftorch.nn.dropout.dropout_nd._DropoutNd",
    ("instancenorm", "_InstanceNorm"): "reftorch.nn.normalization.instance_norm_nd._InstanceNorm",
    ("loss", "_Loss"): "reftorch.nn.loss.reduction._Loss",
    ("loss", "_WeightedLoss"): "reftorch.nn.loss.reduction._WeightedLoss",
    ("pooling", "_MaxPoolNd"): "reftorch.nn.pooling.max_pool_nd.MaxPoolNd",
}


class Section(ModuleType):
    """A file of PyTorch: its classes are looked up in `reftorch.nn` when they are used."""

    def __init__(self, section: str):
        super().__init__(f"{__name__}.{section}", f"The classes of PyTorch's file torch/nn/modules/{section}.py.")
        self.section = section
        self.__all__ = SECTIONS[section].split()

    def __getattr__(self, name: str) -> Any:
        if (self.section, name) in BASES:
            return pkgutil.resolve_name(BASES[self.section, name])
        if name.startswith("__") or name not in self.__all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name)
        return _of_nn(name)


def _of_nn(name: str) -> Any:
    from reftorch import nn

    return getattr(nn, name)


for _section in SECTIONS:
    sys.modules[f"{__name__}.{_section}"] = globals()[_section] = Section(_section)

_KNOWN = {name for names in SECTIONS.values() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _KNOWN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return _of_nn(name)
