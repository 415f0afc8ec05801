"""The functions behind the modules. Each lives with its component; here they are together, as `F`."""

from reftorch.nn.activation.leaky_relu import leaky_relu, leaky_relu_
from reftorch.nn.activation.prelu import prelu
from reftorch.nn.activation.relu import relu, relu_
from reftorch.nn.activation.sigmoid import sigmoid
from reftorch.nn.activation.tanh import tanh
from reftorch.nn.convolution.conv2d import conv2d
from reftorch.nn.dropout.dropout import dropout
from reftorch.nn.linear.linear import linear
from reftorch.nn.loss.cross_entropy_loss import cross_entropy
from reftorch.nn.loss.mse_loss import mse_loss
from reftorch.nn.normalization.batch_norm1d import batch_norm
from reftorch.nn.normalization.layer_norm import layer_norm
from reftorch.nn.padding.pad import pad
from reftorch.nn.pooling.max_pool2d import max_pool2d, max_pool2d_with_indices
from reftorch.ops import log_softmax, softmax

__all__ = [
    "batch_norm",
    "conv2d",
    "cross_entropy",
    "dropout",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "log_softmax",
    "max_pool2d",
    "max_pool2d_with_indices",
    "mse_loss",
    "pad",
    "prelu",
    "relu",
    "relu_",
    "sigmoid",
    "softmax",
    "tanh",
]
