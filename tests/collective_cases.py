"""What the ranks of test_collectives.py do; each function returns what its rank got."""

import hashlib

import numpy as np

import reftorch as torch
import reftorch.distributed as dist

DTYPES = ("float16", "float32", "float64", "complex64", "int32", "int64", "uint8")


def refusal(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was refused"


def everything():
    rank, size = dist.get_rank(), dist.get_world_size()
    found = dict(rank=rank, size=size, backend=dist.get_backend(), initialized=dist.is_initialized())
    found.update(sums())
    found.update(moved(rank, size))
    found.update(groups(rank))
    found.update(refused(rank, size))
    dist.barrier()
    return found


def sums():
    rank = dist.get_rank()
    found = {}
    for name in DTYPES:
        x = torch.tensor([rank + 1, 2]).to(getattr(torch, name))
        dist.all_reduce(x)
        found[f"sum {name}"] = (str(x.dtype), x.tolist())
    for op in ("PRODUCT", "MIN", "MAX", "BAND", "BOR", "BXOR"):
        x = torch.tensor([rank + 1, 6])
        dist.all_reduce(x, getattr(dist.ReduceOp, op))
        found[op] = x.tolist()
    for op in ("SUM", "MIN"):
        x = torch.tensor([rank == 0, True, False])
        dist.all_reduce(x, getattr(dist.ReduceOp, op))
        found[f"bool {op}"] = x.tolist()
    x = torch.tensor([float(rank)])
    work = dist.all_reduce(x, dist.ReduceOp.AVG, async_op=True)
    found["average"] = (work.wait(), work.is_completed(), x.tolist(), x._version)
    large = torch.from_numpy(np.random.default_rng(rank).standard_normal(300_001).astype(np.float32))
    dist.all_reduce(large)
    found["large"] = (hashlib.sha256(large.numpy().tobytes()).hexdigest(), large[:5].tolist())
    on_gpu = torch.tensor([rank + 1.0], device="cuda")
    dist.all_reduce(on_gpu)
    found["gpu"] = (on_gpu.device.type, on_gpu.tolist())
    return found


def moved(rank, size):
    found = {}
    x = torch.tensor([float(rank)])
    dist.broadcast(x, 1)
    found["broadcast"] = x.tolist()
    x = torch.tensor([rank + 1.0])
    dist.reduce(x, 2)
    found["reduce"] = x.tolist()
    into = [torch.zeros(2) for _ in range(size)]
    dist.all_gather(into, torch.tensor([rank, 7.0]))
    found["all_gather"] = [t.tolist() for t in into]
    into = [torch.zeros(1) for _ in range(size)] if rank == 1 else None
    dist.gather(torch.tensor([rank * 2.0]), into, dst=1)
    found["gather"] = into and [t.tolist() for t in into]
    x = torch.zeros(1)
    dist.scatter(x, [torch.tensor([r + 5.0]) for r in range(size)] if rank == 0 else None, src=0)
    found["scatter"] = x.tolist()
    x = torch.tensor([float(rank)])
    if rank == 0:
        dist.send(x, 2, tag=3)
    if rank == 2:
        found["recv"] = (dist.recv(x, 0, tag=3), x.tolist())
    objects = []
    dist.all_gather_object(objects, {"rank": rank, "text": "x" * rank})
    found["objects"] = objects
    return found


def groups(rank):
    pair = dist.new_group([2, 0])
    found = {"place": (dist.get_rank(pair), dist.get_world_size(pair))}
    if rank != 1:
        x = torch.tensor([rank + 1.0])
        dist.all_reduce(x, group=pair)
        y = torch.tensor([float(rank)])
        dist.broadcast(y, 2, group=pair)
        found["pair"] = (x.tolist(), y.tolist(), refusal(dist.broadcast, y, 1, group=pair))
    else:
        found["pair"] = refusal(dist.all_reduce, torch.ones(1), group=pair)
    return found


def refused(rank, size):
    x = torch.ones(2, 2)
    return {
        "twice": refusal(dist.init_process_group),
        "contiguous": refusal(dist.all_reduce, x.t()),
        "no tensor": refusal(dist.all_reduce, [1.0]),
        "bfloat16": refusal(dist.all_reduce, x.to(torch.bfloat16)),
        "op": refusal(dist.all_reduce, x, "MEAN"),
        "average of integers": refusal(dist.all_reduce, torch.ones(1, dtype=torch.int64), dist.ReduceOp.AVG),
        "rows": refusal(dist.all_gather, [x], x),
        "group": refusal(dist.new_group, [0, 0]),
        "no group": refusal(dist.get_rank, "world"),
    }
