"""`reftorch bench --ranks N` measures training steps on N processes, compared with one process and with PyTorch.

Each row is a network and a batch. First, one process computes the whole batch, on one thread and on N. Then N processes of one thread
each compute a part of the batch, with `DistributedDataParallel`; PyTorch's uses gloo over the loopback interface. The two libraries
take turns in the same processes. The time of a round is that of its slowest rank. One step is also saved as a timeline, which shows
when the buckets are sent.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reftorch import distributed
from reftorch.bench.clock import SETTLE, Spread
from reftorch.bench.record import now, spread
from reftorch.bench.worker import limit_threads
from reftorch.distributed.launch import LaunchError, launch
from reftorch.train.loop import TrainingError

ALONE, TOGETHER = "one process", "DistributedDataParallel"
SAMPLE = 0.05  # a sample is several steps in a row, which take about so many seconds
NETWORKS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {  # name: input for the whole batch, sizes of the layers
    "digits network": ((64, 1, 8, 8), ()),
    "LeNet": ((64, 1, 28, 28), ()),
    "layers 784-2048-2048-10": ((128, 784), (784, 2048, 2048, 10)),
}
TIMELINE = ((256, 512), (512,) * 9 + (10,))  # nine layers, each a bucket of 1 MiB


def measured(ranks: int, torch: bool, options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows, and the timeline of one step on all ranks.

    Raises:
        TrainingError: the ranks cannot be started, or a job failed.
    """
    rows: list[dict[str, Any]] = []
    jobs = [(1, 1), (1, ranks), (ranks, 1)]
    answers = [_job(size, threads, torch, options) for size, threads in jobs]
    for name in NETWORKS:
        rows += [answer["rows"][name] for answer in answers]
    return rows, answers[-1]["timeline"]


def _job(size: int, threads: int, torch: bool, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", __name__, folder, str(threads), str(int(torch)), str(options.rounds), str(options.seconds)]
        variables = {name: str(threads) for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")}
        try:
            code = launch(size, command, {**variables, "GLOO_SOCKET_IFNAME": "lo"})
        except LaunchError as error:
            raise TrainingError(f"--ranks: {error}") from error
        if code:
            raise TrainingError(f"--ranks: {size} processes on {threads} threads ended with exit code {code}")
        return json.loads(Path(folder, "answer.json").read_text())


# ------------------------------------------------------------------------------------------------ the work of each rank
def network(lib: Any, name: str) -> Any:
    from reftorch.bench.worker import digits_network, lenet

    sizes = NETWORKS[name][1]
    return layers(lib, sizes) if sizes else lenet(lib.nn) if name == "LeNet" else digits_network(lib)


def layers(lib: Any, sizes: tuple[int, ...]) -> Any:
    made = []
    for inside, outside in zip(sizes, sizes[1:]):
        made += [lib.nn.Linear(inside, outside), lib.nn.ReLU()]
    return lib.nn.Sequential(*made[:-1])


def step_of(lib: Any, model: Any, shape: tuple[int, ...]) -> Callable[[], None]:
    """One training step with this rank's part of the batch: forward, backward, and the optimizer."""
    lib.manual_seed(distributed.get_rank())
    images = lib.randn(shape[0] // distributed.get_world_size(), *shape[1:])
    targets = lib.randint(10, (len(images),))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    loss = lib.nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss(model(images), targets).backward()
        optimizer.step()

    return step


def main(folder: str, threads: str, with_torch: str, rounds: str, seconds: str) -> None:
    """The job of a rank; rank 0 writes the results."""
    distributed.init_process_group("mpi", timeout=120)
    rank, size = distributed.get_rank(), distributed.get_world_size()
    libraries = [importlib.import_module("reftorch")]
    if int(with_torch):
        libraries.append(importlib.import_module("torch"))
        store = f"file://{folder}/store"
        libraries[1].distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=size)
    for lib in libraries:
        limit_threads(lib, int(threads))
    rows = {}
    for name, (shape, _) in NETWORKS.items():
        steps, numbers = [], 0
        for lib in libraries:
            model = network(lib, name)
            numbers = sum(parameter.numel() for parameter in model.parameters())
            steps.append(step_of(lib, wrapped(lib, model), shape))
        samples = in_turns(steps, int(rounds), float(seconds))
        where = f"{size} process{'es' * (size > 1)} of {threads} thread{'s' * (int(threads) > 1)}"
        rows[name] = row(TOGETHER if size > 1 else ALONE, f"{name}: {where}", shape, numbers, samples)
    found = {"rows": rows, "timeline": timeline() if size > 1 else None}
    if int(with_torch):
        libraries[1].distributed.destroy_process_group()
    if rank == 0:
        Path(folder, "answer.json").write_text(json.dumps(found))


def wrapped(lib: Any, model: Any, **options: Any) -> Any:
    together = distributed.get_world_size() > 1
    return lib.nn.parallel.DistributedDataParallel(model, **options) if together else model


def in_turns(steps: list[Callable[[], None]], rounds: int, seconds: float) -> list[list[float]]:
    """Seconds per step on the slowest rank, by library and round; measures for about `seconds` in all."""
    calls = []
    for step in steps:
        step()  # compiles
        once = slowest(step, 1)
        calls.append(max(1, int(min(SAMPLE, seconds / len(steps) / rounds) / once)))
    samples: list[list[float]] = [[] for _ in steps]
    for number in range(rounds):
        for i in list(range(len(steps)))[:: 1 if number % 2 else -1]:
            samples[i].append(slowest(steps[i], calls[i]))
    return samples


def slowest(step: Callable[[], None], calls: int) -> float:
    """Seconds per step of several steps in a row, on the slowest rank."""
    import reftorch

    time.sleep(SETTLE)  # the threads of the other library stop spinning
    step()
    distributed.barrier()
    begun = time.perf_counter()
    for _ in range(calls):
        step()
    found = reftorch.tensor([(time.perf_counter() - begun) / calls], dtype=reftorch.float64)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return found.item()


def row(component: str, case: str, shape: tuple[int, ...], numbers: int, samples: list[list[float]]) -> dict[str, Any]:
    """The field names are those of the benchmark's runs; there are no operations and no limits."""
    ratios = [b / a for a, b in zip(*samples)] if len(samples) > 1 else []
    return {
        **{"component": component, "case": case, "direction": "step", "shape": list(shape), "elements": numbers},
        **{"operations": 0, "bytes": 0, "seconds": spread(Spread.of(samples[0]))},
        "torch_seconds": spread(Spread.of(samples[1])) if ratios else None,
        "ratio": spread(Spread.of(ratios)) if ratios else None,
        **{"rounds": len(samples[0]), "share": None, "limit": None, "error": None, "date": now()},
    }


# ------------------------------------------------------------------------------------------------ the timeline
def timeline(steps: int = 21) -> dict[str, Any]:
    """The step of median length: for each rank, when forward and backward began and ended, and when each bucket was sent and summed.

    Times are seconds since the first rank began. The processes are on one machine and read the same clock.
    """
    import reftorch
    from reftorch.nn.parallel import DistributedDataParallel

    shape, sizes = TIMELINE
    model = DistributedDataParallel(layers(reftorch, sizes), bucket_cap_mb=1)
    size = distributed.get_world_size()
    images, loss = reftorch.randn(shape[0] // size, *shape[1:]), reftorch.nn.CrossEntropyLoss()
    targets = reftorch.randint(10, (len(images),))
    seen: list[dict[str, Any]] = []
    for _ in range(steps):
        model.zero_grad()
        distributed.barrier()
        times: dict[str, Any] = {"forward": time.perf_counter()}
        with watched(model.reducer.buckets, times):
            result = loss(model(images), targets)
            times["backward"] = time.perf_counter()
            result.backward()
        times["end"] = time.perf_counter()
        seen.append(times)
    of_all: list = []
    distributed.all_gather_object(of_all, seen)
    length = [max(one[i]["end"] for one in of_all) - min(one[i]["forward"] for one in of_all) for i in range(steps)]
    middle = sorted(range(1, steps), key=length.__getitem__)[steps // 2]
    return {
        "network": f"layers {'-'.join(map(str, sizes))}, batch {shape[0]}",
        "bytes": [4 * bucket.flat.numel() for bucket in model.reducer.buckets],
        "ranks": [since(one[middle], min(other[middle]["forward"] for other in of_all)) for one in of_all],
    }


def since(times: dict[str, Any], origin: float) -> dict[str, Any]:
    """Seconds since the origin, to the microsecond."""
    return {
        name: [[round(t - origin, 6) for t in pair] for pair in value]
        if isinstance(value, list)
        else round(value - origin, 6)
        for name, value in times.items()
    }


@contextlib.contextmanager
def watched(buckets: list[Any], times: dict[str, Any]) -> Iterator[None]:
    """Within the block, `times["buckets"]` gets two times for each bucket: when it was sent, and when its sum had arrived."""
    times["buckets"] = [[0.0, 0.0] for _ in buckets]

    def leaving(bucket: Any, pair: list[float]) -> Callable[[Any], None]:
        def arrived() -> None:
            pair[1] = time.perf_counter()

        def leave(group: Any) -> None:
            pair[0] = time.perf_counter()
            type(bucket).leave(bucket, group)
            bucket.work.then = arrived

        return leave

    for bucket, pair in zip(buckets, times["buckets"]):
        bucket.leave = leaving(bucket, pair)
    try:
        yield
    finally:
        for bucket in buckets:
            del bucket.leave


if __name__ == "__main__":
    main(*sys.argv[1:])
