"""The network fits images of any size, and learns what the same network in torch learns."""

import numpy as np
import pytest

import reftorch
from reftorch import optim
from reftorch.data import DataLoader, TensorDataset, load_digits
from reftorch.train import ConvNet


@pytest.mark.parametrize("height, width", [(4, 4), (8, 8), (5, 9), (28, 28)])
def test_network_fits_images_of_any_size(height, width):
    network = ConvNet(height, width, mean=0.5, std=0.25)
    assert network(reftorch.rand(3, 1, height, width)).shape == (3, 10)
    assert list(network.state_dict()) == [
        f"{layer}.{kind}" for layer in ("conv1", "conv2", "linear1", "linear2") for kind in ("weight", "bias")
    ]


def torch_twin(torch, mean, std):
    """The same network made of torch's layers, in the same order of construction."""

    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(1, 12, 3, padding=1)
            self.conv2 = torch.nn.Conv2d(12, 24, 3, padding=1)
            self.linear1 = torch.nn.Linear(96, 64)
            self.linear2 = torch.nn.Linear(64, 10)

        def forward(self, x):
            x = (x - mean) / std
            x = torch.nn.functional.max_pool2d(self.conv1(x).relu(), 2)
            x = torch.nn.functional.max_pool2d(self.conv2(x).relu(), 2)
            return self.linear2(self.linear1(x.flatten(1)).relu())

    return Twin()


def losses(library, loader_class, dataset, network, optimizer, steps):
    """The losses of the first steps, written with nothing but names that both libraries have."""
    loader = loader_class(dataset, 32, shuffle=True, generator=library.Generator().manual_seed(7))
    criterion = library.nn.CrossEntropyLoss()
    found = []
    for _, (x, y) in zip(range(steps), loader):
        optimizer.zero_grad()
        loss = criterion(network(x), y)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_torch_learns_the_same():
    """Same seed, same code: the same initial weights, the same batches, and 20 steps with the same losses."""
    torch = pytest.importorskip("torch")
    images, labels = load_digits()
    reftorch.manual_seed(7)
    ours = ConvNet(8, 8, mean=0.3, std=0.4)
    torch.manual_seed(7)
    theirs = torch_twin(torch, 0.3, 0.4)
    for name, weight in theirs.state_dict().items():
        assert np.array_equal(ours.state_dict()[name].numpy(), weight.numpy()), name

    options = dict(lr=0.02, momentum=0.9)
    found = losses(
        reftorch, DataLoader, TensorDataset(images, labels), ours, optim.SGD(ours.parameters(), **options), 20
    )
    twins = torch.utils.data.TensorDataset(torch.tensor(images.numpy()), torch.tensor(labels.numpy()))
    optimizer = torch.optim.SGD(theirs.parameters(), **options)
    wanted = losses(torch, torch.utils.data.DataLoader, twins, theirs, optimizer, 20)
    # float32 keeps 7 digits; sums of up to 2,048 terms in another order, and 20 steps on top of one another, cost some
    np.testing.assert_allclose(found, wanted, rtol=2e-5)
    for name, weight in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name].numpy(), weight.numpy(), rtol=0, atol=2e-5)
