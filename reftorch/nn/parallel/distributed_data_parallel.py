r"""DistributedDataParallel: several processes train copies of one module, and average their gradients while backward runs.

It computes the same as `DistributedDataParallelCPU`, which is the definition. Here gradients are sent together in buckets, and a bucket
is sent as soon as it is full.

Use it when several cores, GPUs or machines train one network, with one process for each. `DataParallel` stays within one process.

## Forward

There are $W$ processes, the ranks. Each computes its own part of the batch with the same parameters:

$$y_r = f(x_r; \theta), \qquad r = 0, \dots, W - 1$$

Before the first forward rank 0 sends its parameters and buffers to all; the buffers, such as the running statistics of BatchNorm, also
before each later one.

## Gradients

The gradient $g$ of the mean of all losses is the average of the gradients $g_r$ of the ranks:

$$L = \frac{1}{W} \sum_{r=0}^{W-1} L_r \quad\Rightarrow\quad g = \sum_{r=0}^{W-1} s \, g_r, \qquad s = \frac{1}{W}$$

Each rank multiplies its gradient by $s$ per element when it copies it into the bucket $b$,

$$b[i] = s \, g_r[i]$$

and MPI adds the buckets of all ranks (`all_reduce`). So the sums are averages already, and no number is larger than it has to be.

## Cost

Two copies per gradient element, into the bucket and back: 4 elements read or written. With `gradient_as_bucket_view` the gradients
stay in the bucket, and the second copy is not needed. A message has a fixed cost $\alpha$ and a cost $\beta$ per byte; with $B$
buckets and $n$ bytes of gradients, a ring of $W$ ranks takes

$$T = 2 (W - 1) \, B \, \alpha + 2 \, \frac{W - 1}{W} \, n \, \beta$$

With few buckets the fixed costs are small; with many buckets the first ones are sent earlier. The default size is 25 MiB, and 1 MiB for
the first bucket.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $i$ | `i` | $0 \le i <$ elements of the gradient | an element |
| $g_r[i]$ | `grad` | any | gradient of this rank |
| $b[i]$ | `bucket` | any | its place in the bucket |
| $s$ | `scale` | $1 / W$ | what makes the sum over ranks an average |

## Worked example

Two ranks, played one after the other in one process: $f(x) = w x$, rank 0 has $x = 1$ and rank 1 has $x = 3$. The gradients are 1 and 3,
the buckets 0.5 and 1.5, and their sum is the average:

>>> import reftorch as torch
>>> from reftorch import nn
>>> from reftorch.nn.parallel.distributed_data_parallel import average_into
>>> buckets = []
>>> for x in [1., 3.]:
...     model = nn.Linear(1, 1, bias=False)
...     model(torch.tensor([x])).sum().backward()
...     buckets.append(average_into(model.weight.grad, torch.zeros(1, 1), 1 / 2))
>>> buckets
[tensor([[0.5000]]), tensor([[1.5000]])]
>>> sum(buckets)
tensor([[2.]])

On two real ranks, in a file that `reftorch launch -n 2 script.py` starts:

    import reftorch as torch
    from reftorch import nn
    from reftorch.nn.parallel import DistributedDataParallel

    torch.distributed.init_process_group("mpi")
    model = DistributedDataParallel(nn.Linear(1, 1, bias=False))
    x = torch.tensor([[1.0], [3.0]][torch.distributed.get_rank()])
    model(x).sum().backward()
    print(model.module.weight.grad)  # tensor([[2.]]), on both

## Questions

**Why are the buckets filled from the last parameter to the first?**

Backward begins at the loss, so the gradients of the last layers are computed first. Their bucket is sent while the others are computed.

**On rank 1 bucket 1 is full before bucket 0. Why does it have to wait?**

MPI matches the operations of the ranks by their order. If rank 1 sent bucket 1 first, it would be added to bucket 0 of rank 0.

**The gradients of four batches are accumulated before each optimizer step. How often do they have to be averaged?**

Once: run the first three batches within `no_sync`. The sum of averages is the average of sums.

**Rank 0 has the gradient 2, the other 15 ranks have 0. What do the buckets hold, before and after `all_reduce`?**

Before: $2 / 16 = 0.125$ on rank 0, and 0 on the others. After: their sum 0.125 on all ranks, which is the average.

>>> [average_into(torch.tensor([grad]), torch.zeros(1), 1 / 16).item() for grad in (2., 0.)]
[0.125, 0.0]

**A parameter is used on rank 0 only. Which gradient do the other ranks get?**

With `find_unused_parameters` the average, where the others count as zero. A parameter that no rank uses keeps the gradient None.

## Differences

MPI transfers the data, even if "gloo" or "nccl" is chosen. Communication hooks and `join` are not available. `mixed_precision` and
`device_mesh` raise a `NotImplementedError`. `batched_grad_copy` is accepted and changes nothing: in PyTorch it saves launches of GPU
kernels, with the same results. `static_graph=True` means `find_unused_parameters=True`. In PyTorch the delayed gradients may be on
their way after backward has ended; here they have arrived. There may also be no parameters besides the delayed ones. A process group
in the second place, as an example in old documents has it, is taken as `process_group`, with a warning.
"""

from __future__ import annotations

import contextlib
import warnings

import reftorch as torch
from reftorch import distributed, no_grad
from reftorch.autograd import is_grad_enabled
from reftorch.kernel import PARALLEL, cuda, flat, njit, on, prange
from reftorch.nn.module import Module
from reftorch.nn.parallel.data_parallel import device_of, scatter
from reftorch.nn.parallel.reducer import DelayedReducer, Reducer


# ## Into the bucket
#
# $$b[i] = s \, g_r[i]$$
@njit(**PARALLEL)
def average_into_backward_bucket_cpu(grad, bucket, scale):
    for i in prange(bucket.size):
        bucket[i] = bucket.dtype.type(scale) * grad[i]


@cuda.jit
def average_into_backward_bucket_cuda(grad, bucket, scale):
    i = cuda.grid(1)
    if i >= bucket.size:
        return
    bucket[i] = bucket.dtype.type(scale) * grad[i]


def average_into(grad, bucket, scale):
    """Write `scale * grad` into `bucket`, a contiguous tensor of the same shape, which is returned."""
    kernels = average_into_backward_bucket_cpu, average_into_backward_bucket_cuda
    run = on(bucket.device, *kernels, threads=bucket.numel())
    run(*flat(grad, bucket), scale)
    return bucket


class DistributedDataParallel(Module):
    """Averages the gradients over all ranks while backward runs.

    Args:
        module: the same on each rank; it gets the parameters and buffers of rank 0.
        device_ids: the GPU of this process in a list; None for a module on the CPU.
        output_device: not used: the output is where the module is.
        dim: not used: each rank has its part of the batch already.
        broadcast_buffers: deprecated, use `forward_sync_buffers`. With False the buffers are not sent at the beginning either.
        init_sync: check the modules and send the parameters and buffers of rank 0; with False the caller has to make them equal.
        process_group: which processes; default all.
        bucket_cap_mb: size of each bucket in MiB; default 1 for the first and 25 for the others.
        find_unused_parameters: find out after each forward which parameters the output depends on; the others are left out.
        check_reduction: deprecated; a backward that misses a gradient is always reported.
        gradient_as_bucket_view: let the gradients be views of the buckets, which saves a copy and memory.
        static_graph: as `find_unused_parameters`.
        delay_all_reduce_named_params: pairs (name, parameter) whose gradients are averaged together. The options above do not
            apply to them, and `no_sync` does not hold them back.
        param_to_hook_all_reduce: the parameter whose gradient starts this. It has to arrive after theirs.
        mixed_precision: not available.
        device_mesh: not available; use `process_group`.
        skip_all_reduce_unused_params: with `find_unused_parameters`, do not send a bucket in which no parameter is used. All ranks
            must use the same parameters.
        bucket_cap_mb_list: sizes of the buckets in MiB in the order in which they leave, in place of `bucket_cap_mb`; the last is
            also for all later ones.
        batched_grad_copy: accepted; it changes no result.
        forward_sync_buffers: send the buffers of rank 0 to all before each forward; None means True.

    Attributes: `module`.

    Shapes: as `module`.

    Raises:
        ValueError: `init_process_group` has not been called; `device_ids` for a module on the CPU, or several devices; one of
            `delay_all_reduce_named_params` and `param_to_hook_all_reduce` without the other.
        NotImplementedError: `mixed_precision` or `device_mesh` is given.
        RuntimeError: no parameter requires a gradient; the modules of the ranks differ; in forward, if the last backward did not
            give a gradient to each parameter.
    """

    def __init__(
        self,
        module,
        device_ids=None,
        output_device=None,
        dim=0,
        broadcast_buffers=None,
        init_sync=True,
        process_group=None,
        bucket_cap_mb=None,
        find_unused_parameters=False,
        check_reduction=False,
        gradient_as_bucket_view=False,
        static_graph=False,
        delay_all_reduce_named_params=None,
        param_to_hook_all_reduce=None,
        mixed_precision=None,
        device_mesh=None,
        skip_all_reduce_unused_params=False,
        bucket_cap_mb_list=None,
        batched_grad_copy=False,
        forward_sync_buffers=None,
    ):
        super().__init__()
        refuse_unavailable(mixed_precision, device_mesh)
        delayed = delayed_parameters(delay_all_reduce_named_params, param_to_hook_all_reduce)
        if isinstance(device_ids, distributed.ProcessGroup):
            warnings.warn("the process group belongs to process_group=, and not to the second argument", stacklevel=2)
            device_ids, process_group = None, device_ids
        names = {p: name for name, p in module.named_parameters() if p.requires_grad and p not in delayed}
        if not names and not delayed:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        if check_reduction:
            warnings.warn("check_reduction is deprecated: it is always checked", FutureWarning, stacklevel=2)
        self.module, self.dim = module, dim
        self.forward_sync_buffers, init_sync_buffers = when_buffers_are_sent(broadcast_buffers, forward_sync_buffers)
        self.process_group = distributed.world.group_or_world(process_group)
        self.device_ids = checked_devices(device_ids, output_device, next(iter(names or delayed)).device)
        self.find_unused_parameters = bool(find_unused_parameters or static_graph)
        self.gradient_as_bucket_view = gradient_as_bucket_view
        if init_sync:
            check_same(module, self.process_group)
            buffers = module.buffers() if init_sync_buffers else ()
            send_from_first([*module.parameters(), *buffers], self.process_group)
        if delayed:
            send_from_first(list(delayed), self.process_group)  # also without init_sync
            DelayedReducer(list(delayed), param_to_hook_all_reduce, self.process_group, average_into)
        self.buffers_are_due = True
        self.reducer = Reducer(
            names,
            self.process_group,
            bucket_sizes(bucket_cap_mb, bucket_cap_mb_list),
            self.find_unused_parameters,
            skip_all_reduce_unused_params,
            gradient_as_bucket_view,
            average_into,
        )

    def forward(self, *inputs, **kwargs):
        sync = self.reducer.listening and is_grad_enabled()
        if sync:
            self.reducer.check_finished()
        if self.buffers_are_due and self.forward_sync_buffers:
            send_from_first(list(self.module.buffers()), self.process_group)
        self.buffers_are_due = sync
        if self.device_ids:
            inputs = scatter(inputs, self.device_ids)[0] if inputs else inputs
            kwargs = scatter(kwargs, self.device_ids)[0] if kwargs else kwargs
        output = self.module(*inputs, **kwargs)
        if sync:
            self.reducer.expect(output)
        return output

    @property
    def broadcast_buffers(self):
        """The old name of `forward_sync_buffers`."""
        return self.forward_sync_buffers

    @broadcast_buffers.setter
    def broadcast_buffers(self, value):
        self.forward_sync_buffers = value

    @contextlib.contextmanager
    def no_sync(self):
        """Within the block gradients are only added up. The first backward after it averages the sums."""
        before, self.reducer.listening = self.reducer.listening, False
        try:
            yield
        finally:
            self.reducer.listening = before


def refuse_unavailable(mixed_precision, device_mesh):
    """
    Raises:
        NotImplementedError: an option that PyTorch has and this class has not is given.
    """
    if mixed_precision is not None:
        raise NotImplementedError(
            f"DistributedDataParallel got mixed_precision={mixed_precision}, which is not available: leave it out. The module computes "
            "in the dtype of its parameters, and their gradients are averaged in it"
        )
    if device_mesh is not None:
        raise NotImplementedError(
            f"DistributedDataParallel got device_mesh={device_mesh}, which is not available: give the ranks that train together "
            "as process_group=torch.distributed.new_group(ranks)"
        )


def delayed_parameters(named, last):
    """The parameters of `delay_all_reduce_named_params`, as the keys of a dict.

    Raises:
        ValueError: one of `named` and `last` is given without the other.
    """
    if (named is None) != (last is None):
        raise ValueError(
            "delay_all_reduce_named_params and param_to_hook_all_reduce need to be set at the same time: the second one is the parameter "
            "whose gradient starts the averaging of the first"
        )
    return {parameter: name for name, parameter in named or ()}


def when_buffers_are_sent(broadcast_buffers, forward_sync_buffers):
    """Whether buffers are sent before each forward, and whether at the beginning."""
    if broadcast_buffers is None:
        return True if forward_sync_buffers is None else forward_sync_buffers, True
    if forward_sync_buffers is None:
        message = "broadcast_buffers is deprecated: use forward_sync_buffers, with which the buffers are always sent at the beginning"
        answers = broadcast_buffers, broadcast_buffers
    else:
        message = "broadcast_buffers is deprecated, and ignored beside forward_sync_buffers"
        answers = forward_sync_buffers, True
    warnings.warn(message, FutureWarning, stacklevel=3)
    return answers


def bucket_sizes(bucket_cap_mb, bucket_cap_mb_list):
    """The sizes at which buckets are full, in bytes. By default the first is small, so that it is sent early."""
    sizes = bucket_cap_mb_list or ([1, 25] if bucket_cap_mb is None else [bucket_cap_mb])
    return [int(size * 2**20) for size in sizes]


def checked_devices(device_ids, output_device, found):
    """The GPU of this process in a list, or None.

    Raises:
        ValueError: devices for a module on the CPU; several, or another one than that of the module.
    """
    if not device_ids and output_device is None:
        return None
    if found.type == "cpu":
        raise ValueError(
            "DistributedDataParallel device_ids and output_device arguments only work with single-device GPU modules, but the "
            f"module is on the CPU and got device_ids {device_ids}, output_device {output_device}: leave them out"
        )
    devices = [device_of(device) for device in device_ids or ()]
    if len(devices) > 1:
        raise ValueError(
            f"device_ids can only be None or contain a single element, but got {device_ids}: one process, one GPU"
        )
    return devices or None


def check_same(module, group):
    """
    Raises:
        RuntimeError: a rank has other parameters than rank 0.
    """
    mine = [
        f"{name} {tuple(p.shape)} {p.dtype} requires_grad={p.requires_grad}" for name, p in module.named_parameters()
    ]
    of_all: list = []
    distributed.all_gather_object(of_all, mine, group)
    for rank, theirs in enumerate(of_all):
        for there, first in zip(theirs, of_all[0]):
            if there != first:
                raise RuntimeError(
                    f"the module of rank {rank} differs from that of rank 0: {there} there, {first} on rank 0"
                )
        if len(theirs) != len(of_all[0]):
            raise RuntimeError(
                f"the module of rank {rank} has {len(theirs)} parameters, that of rank 0 has {len(of_all[0])}"
            )


def send_from_first(tensors, group):
    """Each rank gets the numbers of the first rank; one message for each dtype."""
    if group.size() == 1:
        return
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        same = [tensor for tensor in tensors if tensor.dtype is dtype]
        together = torch.cat([tensor.detach().flatten() for tensor in same])
        distributed.broadcast(together, group.ranks[0], group)
        with no_grad():
            for tensor, part in zip(same, together.split([tensor.numel() for tensor in same])):
                tensor.copy_(part.view(tensor.shape))
