r"""DataParallel: one process computes a batch on several devices. Each device gets a part of the batch and a copy of the module.

Use it when one process has several devices and the module cannot be started several times; otherwise `DistributedDataParallel`, with
one process for each device, is faster and also reaches other machines.

## Forward

Two devices and a batch of two samples: each device gets one sample, and the outputs are joined in the same order,

$$y = \big[\, f(x_0; \theta),\; f(x_1; \theta) \,\big]$$

In general there are $D$ devices. Four functions do the work, and each can be called alone:

| function | what it does |
|---|---|
| `scatter` | cuts the batch along `dim` into $D$ parts $x^{(d)}$ and moves each to its device |
| `replicate` | makes a copy of the module for each device, with the parameters $\theta^{(d)} = \theta$ |
| `parallel_apply` | calls each copy with its part, each in its own thread |
| `gather` | moves the outputs to one device and joins them along `dim` |

$$y = \big[\, f(x^{(0)}; \theta^{(0)}),\; \dots,\; f(x^{(D-1)}; \theta^{(D-1)}) \,\big]$$

The parts have the size $\lceil N / D \rceil$, except the last one, which may be smaller. A small batch can have fewer parts than
there are devices; the other devices stay idle.

## Gradients

The loss depends on $\theta$ through each copy, and $\partial \theta^{(d)} / \partial \theta = 1$. So the chain rule gives a sum over the
devices:

$$\frac{\partial L}{\partial \theta} = \sum_{d=0}^{D-1} \frac{\partial L}{\partial \theta^{(d)}}$$

This file has no code for the sum. A copy to another device is an operation in the computation graph, and a tensor that is used
several times gets the sum of the gradients of all uses. The gradient of the input is cut in the same way as the input:
$\partial L / \partial x^{(d)}$ are its parts.

## Cost

The operations of the module on the whole batch, and for each device a copy of all parameters in every call. The gradients of these copies
go back to the first device in every backward. This traffic, and Python's threads, of which one runs at a time, limit the speed.

## Worked example

A batch of three samples on two devices. The CPU may be listed as a device, also several times, so that this runs and can be stepped
through everywhere:

>>> import reftorch as torch
>>> from reftorch import nn
>>> from reftorch.nn.parallel import scatter, replicate, parallel_apply, gather
>>> linear = nn.Linear(1, 1)
>>> _ = nn.init.constant_(linear.weight, 2.0), nn.init.constant_(linear.bias, 0.0)
>>> x = torch.tensor([[1.], [2], [4]])
>>> parts = scatter(x, ["cpu", "cpu"])
>>> parts
(tensor([[1.],
        [2.]]), tensor([[4.]]))
>>> copies = replicate(linear, ["cpu", "cpu"])
>>> outputs = parallel_apply(copies, parts)
>>> gather([y.detach() for y in outputs], "cpu")
tensor([[2.],
        [4.],
        [8.]])

The same in one call. The gradient of the weight is the sum of both parts, $(1 + 2) + 4$:

>>> net = nn.DataParallel(linear, ["cpu", "cpu"])
>>> y = net(x)
>>> y.sum().backward()
>>> linear.weight.grad
tensor([[7.]])

## Questions

**A batch of 5 samples goes to 4 devices. How large are the parts?**

Each part has $\lceil 5 / 4 \rceil = 2$ samples, so the third part has one sample, and the fourth device gets nothing:

>>> [len(part) for part in scatter(torch.zeros(5, 1), ["cpu"] * 4)]
[2, 2, 1]

**Does BatchNorm compute the same as on one device?**

No. Each copy normalizes with the mean and the variance of its own part. Only the running statistics of the first copy are kept, because
it shares its buffers with the module.

**A copy assigns `self.count = self.count + 1` in `forward`. What is `count` in the module afterwards?**

It is unchanged: the copies are discarded after the call.

**Is it faster with `["cpu", "cpu"]`?**

No. One process already uses all cores, and Python runs one thread at a time.

## Differences

PyTorch accepts GPUs only. Here CPU devices may be listed too. As in PyTorch, on a machine without a GPU a list of GPUs, or no list at
all, makes `DataParallel` the module itself; `data_parallel` then calls the module too, where PyTorch raises an error. reftorch uses one
GPU for each process: with several, start one process for each and use `DistributedDataParallel`. An exception of a thread is raised
unchanged in the caller; PyTorch raises a new one with a longer text.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import reftorch as torch
from reftorch.autograd import is_grad_enabled, set_grad_enabled
from reftorch.kernel import cuda_kind
from reftorch.nn.module import Module
from reftorch.tensor import Tensor


# ## Scatter
#
# $$x = \big[\, x^{(0)}, \dots, x^{(D-1)} \,\big]$$
#
# `chunk` and `to` are on the tape: the gradients of the parts are moved back and joined.
def scatter(inputs, target_gpus, dim=0):
    """A part for each device: tensors are cut along `dim`; tuples, lists and dicts are searched for tensors; other values are repeated.

    Args:
        inputs: a tensor, or any nesting of tuples, lists and dicts with tensors.
        target_gpus: the devices.
        dim: the dimension that is cut.

    Shapes: a tensor (N, *) becomes at most as many tensors as there are devices, each (ceil(N / devices), *) or smaller.
    """
    if isinstance(inputs, Tensor):
        chunks = inputs.chunk(len(target_gpus), dim)
        return tuple(chunk.to(device_of(device)) for chunk, device in zip(chunks, target_gpus))
    if isinstance(inputs, dict) and inputs:
        values = zip(*(scatter(value, target_gpus, dim) for value in inputs.values()))
        return [type(inputs)(zip(inputs, part)) for part in values]
    if isinstance(inputs, (tuple, list)) and inputs:
        parts = zip(*(scatter(value, target_gpus, dim) for value in inputs))
        return [made_like(inputs, part) for part in parts]
    return [inputs for _ in target_gpus]


# ## Replicate
#
# $$\theta^{(d)} = \theta$$
#
# A parameter of a copy is computed from the original one, so it is no leaf, and it is kept as a plain attribute. Modules that are used
# in several places are one object in each copy too.
def replicate(network, devices, detach=False):
    """A copy of the module for each device. Its parameters are computed from those of `network`.

    The first copy has the buffers of `network` itself; the others have copies, so that running statistics are counted once.

    Args:
        network: the module.
        devices: one for each copy.
        detach: whether the copies' parameters are detached from the computation graph.
    """
    copies = []
    for d, device in enumerate(map(device_of, devices)):
        copy_of = {module: module._replicate_for_data_parallel() for module in network.modules()}
        for module, copy in copy_of.items():
            for name, child in module._modules.items():
                copy._modules[name] = None if child is None else copy_of[child]
            for name, parameter in module._parameters.items():
                theta = parameter.detach() if detach and parameter is not None else parameter
                object.__setattr__(copy, name, None if theta is None else theta.to(device))
            for name, buffer in module._buffers.items():
                copy._buffers[name] = buffer if buffer is None or d == 0 else buffer.to(device, copy=True)
        copies.append(copy_of[network])
    return copies


# ## Parallel apply
#
# $$y^{(d)} = f(x^{(d)}; \theta^{(d)})$$
#
# A thread begins with the settings of the one that starts it: whether gradients are recorded, which kernels run, debug mode.
# Numba's simulator runs one CUDA kernel at a time, so there the threads take turns.
def parallel_apply(modules, inputs, kwargs_tup=None, devices=None):
    """The outputs of `modules[i](*inputs[i], **kwargs_tup[i])`, each computed in its own thread.

    Args:
        modules: the modules.
        inputs: for each module its positional arguments, as a tuple or list, or one argument that is neither.
        kwargs_tup: for each module its arguments by name.
        devices: the devices of the modules.

    Raises:
        AssertionError: the lists have different lengths.
        Exception: the first one, in the order of the modules, that a module raised.
    """
    for what, given in (("inputs", inputs), ("kwargs_tup", kwargs_tup), ("devices", devices)):
        if given is not None and len(given) != len(modules):
            raise AssertionError(
                f"The number of modules {len(modules)} is not equal to the number of {what} {len(given)}"
            )
    results: dict[int, Any] = {}
    errors: dict[int, Exception] = {}
    recording = is_grad_enabled()
    simulated = cuda_kind() == "simulator" and any(device_of(device).type == "cuda" for device in devices or ())
    turn = threading.Lock() if simulated else contextlib.nullcontext()

    def work(d: int) -> None:
        given = inputs[d] if isinstance(inputs[d], (tuple, list)) else (inputs[d],)
        try:
            with turn, set_grad_enabled(recording):
                results[d] = modules[d](*given, **(kwargs_tup[d] if kwargs_tup else {}))
        except Exception as error:
            errors[d] = error

    threads = []
    for d in range(len(modules)):
        threads.append(threading.Thread(target=contextvars.copy_context().run, args=(work, d)))
        threads[d].start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [results[d] for d in range(len(modules))]


# ## Gather
#
# $$y = \big[\, y^{(0)}, \dots, y^{(D-1)} \,\big]$$
def gather(outputs, target_device, dim=0):
    """The outputs of all devices on one of them: tensors are joined along `dim`, also those within tuples, lists and dicts.

    Args:
        outputs: for each device a tensor, None, or a nesting of tuples, lists and dicts with tensors.
        target_device: where the result is; -1 is the CPU.
        dim: the dimension along which tensors are joined. Tensors without dimensions become one vector, with a warning.

    Raises:
        ValueError: dicts have different numbers of keys.
        TypeError: an output is something else.
    """
    first = outputs[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        here = [output.to(device_of(target_device)) for output in outputs]
        if first.ndim == 0 and dim == 0:
            text = f"gather along dimension {dim} got tensors without dimensions (losses?): they become one vector"
            warnings.warn(text, stacklevel=2)
            return torch.stack(here)
        return torch.cat(here, dim)
    if isinstance(first, dict):
        if any(len(output) != len(first) for output in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)((key, gather([output[key] for output in outputs], target_device, dim)) for key in first)
    if isinstance(first, (tuple, list)):
        return made_like(first, (gather(list(part), target_device, dim) for part in zip(*outputs)))
    raise TypeError(
        f"gather found a {type(first).__name__} in the output of a copy: it joins tensors, and tuples, lists and dicts of "
        "tensors; return one of these from forward"
    )


def made_like(example: Any, values: Any) -> Any:
    """A tuple, list or named tuple of the values, of the class of `example`."""
    return type(example)(*values) if hasattr(example, "_fields") else type(example)(values)


def device_of(given: Any) -> torch.device:
    """0 is "cuda:0", -1 is "cpu"; anything else is what `torch.device` makes of it."""
    if isinstance(given, int):
        return torch.device("cpu") if given == -1 else torch.device("cuda", given)
    return torch.device(given)


def usable(device_ids: Any) -> list[torch.device]:
    """The devices to compute on; an empty list where GPUs are listed, or nothing is, on a machine without any.

    Raises:
        RuntimeError: several GPUs are listed.
    """
    count = torch.cuda.device_count()
    devices = [device_of(given) for given in (range(count) if device_ids is None else device_ids)]
    if not count and all(device.type == "cuda" for device in devices):
        return []
    gpus = {device.index or 0 for device in devices if device.type == "cuda"}
    if gpus - {0}:
        raise RuntimeError(
            f"DataParallel over the GPUs {sorted(gpus)}: reftorch uses one GPU for each process. Start one process for each GPU, "
            "and use DistributedDataParallel"
        )
    return devices


def check_place(module: Module, first: torch.device) -> None:
    tensors: Iterator[Tensor] = (tensor for found in (module.parameters(), module.buffers()) for tensor in found)
    for tensor in tensors:
        if tensor.device != first:
            raise RuntimeError(
                f"module must have its parameters and buffers on device {first} (device_ids[0]) but found one of them on "
                f"device: {tensor.device}. Move it with module.to('{first}')"
            )


def scattered(inputs: tuple, kwargs: dict, devices: list, dim: int) -> tuple[list, list]:
    """Positional arguments and arguments by name for each device; where one kind is missing, () or {}."""
    given = list(scatter(inputs, devices, dim)) if inputs else []
    named = list(scatter(kwargs, devices, dim)) if kwargs else []
    count = max(len(given), len(named), 1)
    return given + [()] * (count - len(given)), named + [{}] * (count - len(named))


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """`module(*inputs)`, with the batch spread over devices.

    Args:
        module: its parameters and buffers are on the first device.
        inputs: a tensor, or a tuple of arguments.
        device_ids: the devices: a number is a GPU, "cpu" may stand there too, also several times. Default: the GPU.
        output_device: where the result is; -1 is the CPU. Default: the first device.
        dim: the dimension of the samples.
        module_kwargs: arguments by name.

    Raises:
        RuntimeError: several GPUs are listed; the module is not on the first device.
    """
    given = inputs if isinstance(inputs, tuple) else () if inputs is None else (inputs,)
    devices = usable(device_ids)
    if not devices:
        return module(*given, **(module_kwargs or {}))
    check_place(module, devices[0])
    parts, named = scattered(given, module_kwargs or {}, devices, dim)
    if len(devices) == 1:
        return module(*parts[0], **named[0])
    copies = replicate(module, devices[: len(parts)], detach=not is_grad_enabled())
    outputs = parallel_apply(copies, parts, named, devices[: len(parts)])
    return gather(outputs, devices[0] if output_device is None else output_device, dim)


class DataParallel(Module):
    """Spreads each batch over several devices of this process. Without any, it is the module itself.

    Args:
        module: the module. It has to be on the first device; if there is only one, it is moved there.
        device_ids: the devices: a number is a GPU, "cpu" may stand there too, also several times. Default: the GPU.
        output_device: where the output is; -1 is the CPU. Default: the first device.
        dim: the dimension of the samples.

    Attributes: `module`.

    Shapes: tensors in the input (N, *) with N samples in dimension `dim`; the output as that of the module.

    Raises:
        RuntimeError: several GPUs are listed; when it is called, the module is not on the first device.
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module, self.dim, self.output_device = module, dim, output_device
        self.device_ids = usable(device_ids)
        if len(self.device_ids) == 1:
            module.to(self.device_ids[0])

    def forward(self, *inputs, **kwargs):
        return data_parallel(self.module, inputs, self.device_ids, self.output_device, self.dim, kwargs)
