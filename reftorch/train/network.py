"""The network that `reftorch train` trains."""

from __future__ import annotations

from reftorch import nn
from reftorch.tensor import Tensor
from reftorch.transforms import Normalize

CLASSES = 10
SMALLEST = 4  # pixels in a row: two poolings make one of them


class ConvNet(nn.Module):
    """Convolution, ReLU and pooling, twice; then two linear layers. The output is a score (logit) for each class.

    Shapes: (N, 1, height, width) to (N, classes); images have at least 4 x 4 pixels.
    """

    def __init__(
        self,
        height: int,
        width: int,
        mean: float,
        std: float,
        channels: tuple[int, int] = (12, 24),
        hidden: int = 64,
        classes: int = CLASSES,
    ):
        super().__init__()
        self.normalize = Normalize([mean], [std])
        self.conv1 = nn.Conv2d(1, channels[0], kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(channels[0], channels[1], kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.linear1 = nn.Linear(channels[1] * (height // 2 // 2) * (width // 2 // 2), hidden)
        self.linear2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """The features that the convolutions compute from the images: (N, 1, height, width) to (N, features)."""
        x = self.normalize(x)
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.relu(self.conv2(x)))
        return x.flatten(1)

    def classes(self, features: Tensor) -> Tensor:
        """The scores of the classes from the features: (N, features) to (N, classes)."""
        return self.linear2(self.relu(self.linear1(features)))
