"""One small launch of each kernel of the package: those of the worked examples, and `more_launches`."""

import copy
import functools

import numpy as np

import house
import reftorch as torch
import reftorch.nn.functional as F
from reftorch.kernel import launching
from reftorch.simt.device import source_of
from reftorch.step.components import PACKAGE, ROOMS, components
from reftorch.step.example import _execute
from reftorch.trace.interpreted import stepped

CPU_KERNELS = sorted(
    name
    for room in ROOMS
    for file in (PACKAGE / room).rglob("*.py")
    for name in house.kernels(file.read_text())
    if name.endswith("_cpu")
)
MOST = 60  # elements: what a recording is for


def more_launches():
    """Those that no worked example launches."""
    x = torch.tensor([[[[1.0, 2], [3, 5]]], [[[-1, 0], [4, 4]]]], requires_grad=True)
    mean, std = torch.tensor([0.5], requires_grad=True), torch.tensor([2.0], requires_grad=True)
    torch.transforms.functional.normalize(x, mean, std).sum().backward()
    logits = torch.tensor([[1.0, 2, 0], [0, 0, 3]], requires_grad=True)
    shares = torch.tensor([[0.5, 0.5, 0], [0, 0.25, 0.75]], requires_grad=True)
    weight = torch.tensor([1.0, 2, 1], requires_grad=True)
    F.cross_entropy(logits, shares, weight, label_smoothing=0.5).backward()
    optimizer = torch.optim.SGD([logits, weight], lr=0.5, momentum=0.5, foreach=True)
    optimizer.step()


def named(kernel, arguments):
    """The arrays among a kernel's arguments, those in tuples too, by the names that a recording gives them."""
    found = {}
    for name, value in zip(source_of(kernel).__code__.co_varnames, arguments):
        parts = value if isinstance(value, tuple) else (value,)
        names = [f"{name}[{i}]" for i in range(len(parts))] if isinstance(value, tuple) else [name]
        found |= {n: part for n, part in zip(names, parts) if isinstance(part, np.ndarray)}
    return found


@functools.cache
def launches():
    """The first small launch of each kernel: its two forms, the number of threads, its arguments before it ran."""
    found = {}

    def choose(device, cpu_kernel, cuda_kernel, threads):
        plainly = stepped(cpu_kernel)

        def run(*arguments):
            size = sum(part.size for part in named(cpu_kernel, arguments).values())
            if cpu_kernel.__name__ not in found and size <= MOST:
                found[cpu_kernel.__name__] = cpu_kernel, cuda_kernel, threads, copy.deepcopy(arguments)
            plainly(*arguments)

        return run

    with launching(choose):
        for component in components().values():
            _execute(component)
        more_launches()
    return found
