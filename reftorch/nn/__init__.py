"""Layers and losses, in the sections of the torch.nn documentation: one component, one file."""

from reftorch.nn import functional, init
from reftorch.nn.activation.leaky_relu import LeakyReLU
from reftorch.nn.activation.prelu import PReLU
from reftorch.nn.activation.relu import ReLU
from reftorch.nn.activation.sigmoid import Sigmoid
from reftorch.nn.activation.tanh import Tanh
from reftorch.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from reftorch.nn.convolution.conv2d import Conv2d
from reftorch.nn.dropout.dropout import Dropout
from reftorch.nn.linear.flatten import Flatten
from reftorch.nn.linear.identity import Identity
from reftorch.nn.linear.linear import Linear
from reftorch.nn.linear.unflatten import Unflatten
from reftorch.nn.loss.cross_entropy_loss import CrossEntropyLoss
from reftorch.nn.loss.mse_loss import MSELoss
from reftorch.nn.module import Module
from reftorch.nn.normalization.batch_norm1d import BatchNorm1d
from reftorch.nn.normalization.layer_norm import LayerNorm
from reftorch.nn.parameter import Buffer, Parameter
from reftorch.nn.pooling.max_pool2d import MaxPool2d

__all__ = [
    "BatchNorm1d",
    "Buffer",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "PReLU",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "ReLU",
    "Sequential",
    "Unflatten",
    "Sigmoid",
    "Tanh",
    "functional",
    "init",
]
