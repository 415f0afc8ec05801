r"""Identity: the output is the input. It takes the place of a layer where no operation is wanted.

Use it when a layer of a network is optional or should be removed: for example a normalization that can be switched off, or the
last layer of a trained network whose features you need.

## Forward

$$y = x$$

The output is the same tensor object, not a copy.

## Gradients

$$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y}$$

It adds no node to the computation graph, since nothing is computed.

## Worked example

It accepts any arguments and ignores them, so that it can replace any other layer:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[1., 2], [3, 4]])
>>> layer = nn.Identity(2, 4, bias=False)
>>> layer
Identity()
>>> layer(x) is x
True

The features before the last layer of a trained network:

>>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 10))
>>> network[2] = nn.Identity()
>>> network(x).shape
torch.Size([2, 3])

## Questions

**Why not simply leave the layer out?**

The names of the other layers would change, and with them the keys of the state_dict: a saved network could no longer be
loaded.

**If y is changed in place after y = layer(x), does x change?**

Yes, they are the same tensor.

**How many parameters does nn.Identity(1000, 1000) have?**

None.

>>> list(nn.Identity(1000, 1000).parameters())
[]
"""

from __future__ import annotations

from reftorch.nn.module import Module


class Identity(Module):
    """Returns its input, as a layer. It has no parameters.

    Args: any, none of them is used.

    Shapes: input (*), any shape; output the same.
    """

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        return input
