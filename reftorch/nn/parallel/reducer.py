"""The buckets of DistributedDataParallel: gradients that are sent together, and when each bucket is sent.

Backward finds the gradients of the last layers first, so the buckets are filled from the last parameter to the first. A full bucket
is sent while backward goes on. MPI matches the operations of the ranks by their order, and gradients may arrive in another order on
another rank: so bucket 1 is sent after bucket 0, even if it is full first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import reftorch as torch
from reftorch import distributed
from reftorch.autograd.accumulate import AccumulateGrad
from reftorch.distributed.collectives import reduce_array
from reftorch.tensor import Tensor


class Bucket:
    """Gradients of one dtype side by side in one tensor, `flat`."""

    def __init__(self, parameters: list):
        self.parameters = parameters
        sizes = [parameter.numel() for parameter in parameters]
        self.flat = torch.zeros(sum(sizes), dtype=parameters[0].dtype, device=parameters[0].device)
        self.part = {p: part.view(p.shape) for p, part in zip(parameters, self.flat.split(sizes))}
        self.missing: set = set()
        self.work: distributed.Work | None = None

    def put(self, parameter: Tensor, average_into: Callable, scale: float) -> None:
        """Write the gradient, times `scale`, into its part of the bucket; zeros if there is none."""
        if parameter.grad is None:
            self.part[parameter].zero_()
        else:
            average_into(parameter.grad, self.part[parameter], scale)

    def leave(self, group: distributed.ProcessGroup) -> None:
        """Begin the sum over all ranks. MPI reads the memory of the CPU, so a bucket on a GPU is copied there and back."""
        self.host = self.flat.array if self.flat.device.type == "cpu" else self.flat.cpu().array
        self.work = reduce_array(self.host, group)

    def arrive(self) -> None:
        """Wait for the sum."""
        assert self.work is not None
        self.work.wait()
        if self.flat.device.type != "cpu":
            self.flat.copy_(torch.from_numpy(self.host))
        self.flat._counter.bump()


def buckets_of(parameters: list, caps: list[int]) -> list[Bucket]:
    """The parameters from last to first. The first bucket of each dtype is full when it has `caps[0]` bytes, the second when it has
    `caps[1]`, and so on; the last of `caps` is also for all later buckets."""
    filling: dict[Any, list] = {}
    number: dict[Any, int] = {}  # of the bucket that is being filled
    full = []
    for parameter in reversed(parameters):
        members = filling.setdefault(parameter.dtype, [])
        members.append(parameter)
        here = number.setdefault(parameter.dtype, 0)
        if sum(p.numel() * p.dtype.itemsize for p in members) >= caps[min(here, len(caps) - 1)]:
            full.append(filling.pop(parameter.dtype))
            number[parameter.dtype] += 1
    return [Bucket(members) for members in (*full, *filling.values())]


class Reducer:
    """What happens between a forward and the end of its backward.

    `average_into(grad, part, scale)` writes a gradient, times 1 / W, into its part of a bucket.
    """

    def __init__(
        self,
        names: dict,
        group: distributed.ProcessGroup,
        caps: list[int],
        find_unused: bool,
        skip_unused: bool,
        as_view: bool,
        average_into: Callable,
    ):
        self.names, self.parameters, self.group = names, list(names), group
        self.find_unused, self.skip_unused = find_unused, skip_unused
        self.as_view, self.average_into = as_view, average_into
        self.buckets = buckets_of(self.parameters, caps)
        self.sending = self.buckets  # those of this step
        self.bucket_of = {parameter: bucket for bucket in self.buckets for parameter in bucket.parameters}
        self.unused: set = set()
        self.launched = 0  # buckets that have left
        self.expecting = False  # between forward and the end of backward
        self.begun = False  # a gradient has arrived since the forward
        self.listening = True  # False within no_sync
        for parameter in self.parameters:
            parameter.register_post_accumulate_grad_hook(self.arrived)

    def expect(self, output: Any) -> None:
        """Forward is done: all gradients are still to come, except of parameters that the output does not depend on."""
        self.expecting, self.begun, self.launched = True, False, 0
        for bucket in self.buckets:
            bucket.missing, bucket.work = set(bucket.parameters), None
        self.unused = set(self.parameters) - leaves_below(output) if self.find_unused else set()
        if self.skip_unused:
            self.sending = [bucket for bucket in self.buckets if not self.unused.issuperset(bucket.parameters)]

    def arrived(self, parameter: Tensor) -> None:
        """The hook of each parameter: its gradient is complete."""
        if not self.listening or not self.expecting:
            return
        if not self.begun:
            self.begun = True
            for other in [p for p in self.parameters if p in self.unused]:
                self.put(other)
        if parameter not in self.bucket_of[parameter].missing:
            raise RuntimeError(
                f"the gradient of {self.names[parameter]} arrived twice: a parameter was used after forward, or backward ran "
                "twice for one forward"
            )
        self.put(parameter)

    def put(self, parameter: Tensor) -> None:
        """Write the gradient into its bucket; send the buckets that are full, in their order."""
        bucket = self.bucket_of[parameter]
        bucket.missing.remove(parameter)
        bucket.put(parameter, self.average_into, 1 / self.group.size())
        while self.launched < len(self.sending) and not self.sending[self.launched].missing:
            self.sending[self.launched].leave(self.group)
            self.launched += 1
        for bucket in self.sending[: self.launched]:
            assert bucket.work is not None
            bucket.work.is_completed()  # MPI makes progress only while it is called
        if self.launched == len(self.sending):
            self.finish()

    def finish(self) -> None:
        """All buckets have left. When they arrive, their parts are the gradients."""
        used = np.array([parameter not in self.unused for parameter in self.parameters], np.int32)
        if self.find_unused and not self.skip_unused:
            reduce_array(used, self.group).wait()  # on how many ranks
        on_some_rank = dict(zip(self.parameters, used))
        for bucket in self.sending:
            bucket.arrive()
            for parameter in bucket.parameters:
                if on_some_rank[parameter]:
                    self.take(parameter, bucket.part[parameter])
        self.expecting = False

    def take(self, parameter: Tensor, part: Tensor) -> None:
        """The average becomes the gradient of the parameter."""
        if self.as_view:
            parameter.grad = part
        elif parameter.grad is None:
            parameter.grad = part.clone()
        else:
            parameter.grad.copy_(part)

    def check_finished(self) -> None:
        """
        Raises:
            RuntimeError: the last backward did not give a gradient to each parameter.
        """
        if self.expecting and self.begun:
            missing = [self.names[p] for bucket in self.buckets for p in bucket.parameters if p in bucket.missing]
            raise RuntimeError(
                "Expected to have finished reduction in the prior iteration before starting a new one: no gradient arrived for "
                f"{', '.join(missing)}. If the loss need not depend on them, pass find_unused_parameters=True to "
                "DistributedDataParallel. Everything that forward returns has to be used in the loss"
            )


class DelayedReducer:
    """Gradients that are averaged together, as soon as the gradient of `last`, another parameter, has arrived."""

    def __init__(self, parameters: list, last: Tensor, group: distributed.ProcessGroup, average_into: Callable):
        self.group, self.average_into = group, average_into
        self.buckets = buckets_of(parameters, [sys.maxsize])  # one for each dtype
        last.register_post_accumulate_grad_hook(self.arrived)

    def arrived(self, last: Tensor) -> None:
        """The hook of `last`."""
        for bucket in self.buckets:
            for parameter in bucket.parameters:
                bucket.put(parameter, self.average_into, 1 / self.group.size())
            bucket.leave(self.group)
        for bucket in self.buckets:
            bucket.arrive()
            for parameter in bucket.parameters:
                parameter.grad = bucket.part[parameter]


def leaves_below(output: Any) -> set:
    """The parameters that the tensors in `output` were computed from."""
    seen: set = set()
    leaves: set = set()
    stack = [tensor._edge()[0] for tensor in tensors_in(output) if tensor.requires_grad]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, AccumulateGrad):
            leaves.add(node.variable)
        stack.extend(after for after, _ in node.next_functions)
    return leaves


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in a nesting of tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
