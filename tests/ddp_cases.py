"""What the ranks of test_distributed_data_parallel.py do; each function returns what its rank got."""

import hashlib
import warnings

import numpy as np

import reftorch
import reftorch.distributed as dist
from reftorch import nn
from reftorch.nn.parallel import DistributedDataParallel, DistributedDataParallelCPU

STEPS, BATCH = 24, 12
SMALL = dict(bucket_cap_mb=1e-4)  # several buckets


def batch(step):
    rng = np.random.default_rng(step)
    return rng.standard_normal((BATCH, 6)).astype(np.float32), rng.integers(0, 4, BATCH)


def trained(torch, wrap, rank, size):
    """The parameters after some steps, and a hash of them. Each rank begins with other numbers: rank 0's are taken."""
    torch.manual_seed(rank)
    net = torch.nn.Sequential(torch.nn.Linear(6, 9), torch.nn.Tanh(), torch.nn.Linear(9, 7), torch.nn.Linear(7, 4))
    model = wrap(net)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(STEPS):
        x, target = (torch.from_numpy(part[rank::size].copy()) for part in batch(step))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), target).backward()
        optimizer.step()
    found = [parameter.detach().numpy() for parameter in net.parameters()]
    return found, hashlib.sha256(b"".join(array.tobytes() for array in found)).hexdigest()


def training():
    place = dist.get_rank(), dist.get_world_size()
    with_options = lambda **options: lambda net: DistributedDataParallel(net, **options)  # noqa: E731
    return {
        "definition": trained(reftorch, DistributedDataParallelCPU, *place),
        "one bucket": trained(reftorch, with_options(), *place),
        "small buckets": trained(reftorch, with_options(**SMALL), *place),
        "views": trained(reftorch, with_options(gradient_as_bucket_view=True, **SMALL), *place),
        "find unused": trained(reftorch, with_options(find_unused_parameters=True), *place),
    }


def against_pytorch(folder):
    """The same training with PyTorch's DistributedDataParallel over gloo, in the same processes; small buckets too."""
    import torch

    rank, size = dist.get_rank(), dist.get_world_size()
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    wrapped = torch.nn.parallel.DistributedDataParallel
    theirs = trained(torch, wrapped, rank, size)
    keys = (
        list(wrapped(torch.nn.Linear(2, 2)).state_dict()),
        list(DistributedDataParallel(nn.Linear(2, 2)).state_dict()),
    )
    compared = {"buffers": buffers(torch, wrapped), "skipped": skipped(torch, wrapped)[0]}
    torch.distributed.destroy_process_group()
    return {**cases(), "theirs": theirs, "keys": keys, "compared": compared}


# ------------------------------------------------------------------------------------------------ single cases
class Branches(nn.Module):
    """Uses its layer `chosen` only; `never` is used on no rank."""

    def __init__(self):
        super().__init__()
        self.first, self.a, self.b, self.never = (nn.Linear(1, 1, bias=False) for _ in range(4))

    def forward(self, x, chosen):
        return {"y": [getattr(self, chosen)(self.first(x))]}


def ones(net):
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    return net


def linear(**options):
    return DistributedDataParallel(ones(nn.Linear(1, 1, bias=False)), **options)


def gradient(model):
    return next(model.parameters()).grad.tolist()


def cases():
    """For two ranks with the inputs 1 and 3: the average is 2."""
    x = reftorch.tensor([[1.0], [3.0]][dist.get_rank()])
    found = {**training(), **accumulated(x), **used(x), **kinds(x), **errors(x), **delayed(x)}
    found["skipped"], found["skipped buckets"] = skipped(reftorch, DistributedDataParallel)
    return {**found, "order": order(x), "buffers": buffers(reftorch, DistributedDataParallel)}


def accumulated(x):
    model = linear()
    with model.no_sync():
        model(x).sum().backward()
        model(x).sum().backward()
    found = {"within no_sync": gradient(model)}
    model(x).sum().backward()
    found["after no_sync"] = gradient(model)
    for set_to_none in (True, False):
        for view in (True, False):
            model = linear(gradient_as_bucket_view=view)
            for _ in range(2):
                model.zero_grad(set_to_none=set_to_none)
                model(x).sum().backward()
            found[f"steps {set_to_none} {view}"] = gradient(model)
    model = linear()
    (model(x) * 5).sum()
    model(x)
    model(x).sum().backward()
    found["forwards without backward"] = gradient(model)
    model = linear()
    (model(x) + model(x)).sum().backward()
    found["two forwards, one backward"] = gradient(model)
    with reftorch.no_grad():
        model.eval()(x)
    model(x).sum().backward()
    found["after evaluation"] = gradient(model)
    return found


def used(x):
    chosen = "ab"[dist.get_rank()]
    model = DistributedDataParallel(ones(Branches()), find_unused_parameters=True)
    for _ in range(2):
        model.zero_grad()
        model(x, chosen)["y"][0].sum().backward()
    found = {"different branches": [p.grad and p.grad.tolist() for p in model.parameters()]}
    model = DistributedDataParallel(ones(Branches()), static_graph=True)
    model(x, "a")["y"][0].sum().backward()
    found["same branch"] = [p.grad and p.grad.tolist() for p in model.parameters()]
    shared = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    shared[1].weight = shared[0].weight
    model = DistributedDataParallel(ones(shared))
    model(x).sum().backward()
    found["shared weight"] = gradient(model)
    frozen = ones(nn.Linear(1, 1))
    frozen.bias.requires_grad_(False)
    model = DistributedDataParallel(frozen)
    model(x).sum().backward()
    return {**found, "frozen": [p.grad and p.grad.tolist() for p in model.parameters()]}


def kinds(x):
    mixed = ones(nn.ModuleList([nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False).double()]))
    mixed.forward = lambda x: mixed[1](mixed[0](x).double())
    model = DistributedDataParallel(mixed)
    model(x).sum().backward()
    found = {"float32 and float64": [(str(p.grad.dtype), p.grad.tolist()) for p in model.parameters()]}
    on_gpu = DistributedDataParallel(ones(nn.Linear(1, 1, bias=False)).to("cuda"), device_ids=[0])
    on_gpu(x).sum().backward()
    found["gpu"] = (next(on_gpu.parameters()).grad.device.type, gradient(on_gpu))
    pair = dist.new_group([dist.get_rank()]) if dist.get_world_size() == 1 else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = nn.DistributedDataParallel(ones(nn.Linear(1, 1)), dist.world.group_or_world(pair))
    model(x).sum().backward()
    found["group in the second place"] = (gradient(model), [str(w.message) for w in caught])
    return found


def message(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was refused"


def errors(x):
    def twice(model, chosen="a"):
        for _ in range(2):
            model(x, chosen)["y"][0].sum().backward()

    def after_forward():
        model = linear()
        loss = model(x).sum()
        loss.backward(retain_graph=True)
        model.reducer.expecting = True
        loss.backward()

    rank = dist.get_rank()
    return {
        "unused": message(lambda: twice(DistributedDataParallel(ones(Branches())))),
        "unused, definition": message(lambda: twice(DistributedDataParallelCPU(ones(Branches())))),
        "shapes": message(lambda: DistributedDataParallel(nn.Linear(1, 1 + rank))),
        "names": message(
            lambda: DistributedDataParallel(nn.Sequential(*[nn.Linear(1, 1)] * 1, *[nn.ReLU()] * rank, nn.Linear(1, 1)))
        ),
        "number": message(lambda: DistributedDataParallel(nn.Sequential(*[nn.Linear(1, 1) for _ in range(1 + rank)]))),
        "nothing to learn": message(lambda: DistributedDataParallel(nn.ReLU())),
        "device_ids": message(lambda: DistributedDataParallel(nn.Linear(1, 1), device_ids=[0])),
        "arrived twice": message(after_forward),
    }


def order(x):
    """How many buckets had left when the gradient of each parameter arrived, from the last layer on."""
    model = DistributedDataParallel(nn.Sequential(*[nn.Linear(1, 1) for _ in range(4)]), bucket_cap_mb=1e-6)
    seen = []
    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(lambda p: seen.append(model.reducer.launched))
    losses = []  # the last loss is alive while the next forward runs, as in ordinary loops
    for _ in range(2):
        seen.clear()
        losses.append(model(x).sum())
        losses[-1].backward()
    return len(model.reducer.buckets), list(seen)


BUFFERS = [
    {},
    dict(forward_sync_buffers=False),
    dict(broadcast_buffers=False),
    dict(broadcast_buffers=False, forward_sync_buffers=True),
]


def buffers(torch, wrap):
    """Running statistics: those of rank 0 on all ranks, or each rank its own. At the end the number of warnings."""
    found = []
    for options in BUFFERS:
        net = torch.nn.BatchNorm1d(1)
        net.running_mean.fill_(float(dist.get_rank()))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = wrap(net, **options)
        warned = [w.category for w in caught].count(FutureWarning)
        for _ in range(2):
            model(torch.tensor([[1.0], [3.0]]) * (dist.get_rank() + 1)).sum().backward()
        before = net.running_mean.item()
        with torch.no_grad():
            model.eval()(torch.ones(1, 1))
        found.append((round(before, 4), round(net.running_mean.item(), 4), net.num_batches_tracked.item(), warned))
    return found


def three_layers():
    """Three times x * 1; before the ranks are made equal, rank 1 has another number in the last layer."""
    net = ones(nn.Sequential(*[nn.Linear(1, 1, bias=False) for _ in range(3)]))
    net[2].weight.data.fill_(1.0 + dist.get_rank())
    return net


def delayed(x, **options):
    """The gradients of two layers are averaged when that of the first one has arrived, or those of all."""
    found = {}
    for first in (0, 1):
        net = three_layers()
        named = list(net.named_parameters())[first:]
        options = dict(options, delay_all_reduce_named_params=named, param_to_hook_all_reduce=net[0].weight)
        model = DistributedDataParallel(net, init_sync=first == 0, **options)
        found[f"delayed from {first}, weights"] = [p.item() for p in net.parameters()]
        steps = []
        for anew in (True, True, False):
            if anew:
                model.zero_grad()
            model(x).sum().backward()
            steps.append([p.grad.item() for p in net.parameters()])
        found[f"delayed from {first}"] = steps, len(model.reducer.parameters)
    return found


def skipped(torch, wrap, **options):
    """The gradients of three steps, and which buckets left in the last one: the first two have no parameter that is used."""

    class Chain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.a, self.b, self.never = (torch.nn.Linear(1, 1, bias=False) for _ in range(4))

        def forward(self, x):
            return self.a(self.first(x))

    net, steps = Chain(), []
    for parameter in net.parameters():
        torch.nn.init.ones_(parameter)
    options = dict(options, find_unused_parameters=True, skip_all_reduce_unused_params=True)
    model = wrap(net, bucket_cap_mb_list=[1e-6], **options)
    for _ in range(3):
        model.zero_grad()
        model(torch.tensor([[1.0], [3.0]][dist.get_rank()])).sum().backward()
        steps.append([p.grad and p.grad.item() for p in net.parameters()])
    return steps, [b.work is not None for b in model.reducer.buckets] if torch is reftorch else None
