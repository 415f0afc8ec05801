"""`reftorch bench --ladder` measures the rungs of `reftorch.fast.ladder`: how much each idea gains.

One floating-point operation is a multiplication or an addition. So a multiply-add counts as two here, as is usual for GFLOP/s. The
peak is counted in the same way. PyTorch, where it is installed, does the same work as one more rung.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import reftorch
from reftorch.bench.clock import Budget, measure
from reftorch.bench.jobs import disagreement
from reftorch.bench.limits import Limits
from reftorch.bench.record import LIMITS, MACHINE, NUMBER, OPTIONAL, SPREAD, check, new_run, spread, write_json
from reftorch.bench.table import duration
from reftorch.fast.ladder import LADDERS
from reftorch.train.loop import TrainingError

FLOPS = 2  # per multiply-add

SIZES: dict[str, tuple[int, ...]] = {
    "matmul": (1024, 1024, 1024),  # rows, inner extent, columns
    "Conv2d": (4, 32, 112, 112, 64, 3, 1),  # N, C_in, H, W, C_out, kernel, padding: VGG's second block, half as wide
    "attention": (1, 8, 512, 64),  # samples, heads, positions, size of a head
    "matmul on CUDA": (4096, 4096, 4096),
    "Conv2d on CUDA": (32, 64, 112, 112, 128, 3, 1),  # VGG's second block
}

RUNG = {
    "rung": (str, "its name; PyTorch"),
    "function": ((str, type(None)), "module:name of the rung; null for PyTorch"),
    "seconds": (SPREAD, "a call takes, over the rounds"),
    "gflops": (NUMBER, "billions of operations a second, by the median; a multiply-add is two"),
    "share": (NUMBER, "of the machine's peak"),
    "error": (OPTIONAL, "largest difference from the first rung's result, relative to its largest number"),
}
LADDER = {
    "name": (str, "matmul, Conv2d, attention, matmul on CUDA"),
    "size": (str, "in words"),
    "shape": (list, "as in SIZES"),
    "operations": (int, "multiply-adds"),
    "rungs": ([RUNG], "from the formula upwards"),
}
LADDER_RUN = {
    "schema": (int, "1"),
    "date": (str, "ISO 8601, in UTC"),
    "machine": MACHINE,
    "versions": (dict, "as in a run of the benchmark"),
    "commit": ((str, type(None)), "of the sources, with a + if they were changed since"),
    "device": (str, "cpu or cuda"),
    "threads": (int, "on both sides"),
    "peak_gflops": (NUMBER, "of these threads, or of the GPU, measured"),
    "limits": LIMITS,
    "ladders": ([LADDER], ""),
}


class Matmul:
    """The work of a ladder for matrix products: `arguments` of a rung, the result `y`, and PyTorch's call for the same."""

    def __init__(self, shape: tuple[int, ...], device: str):
        M, K, N = shape
        self.size, self.operations = f"{M} x {K} x {N}", M * K * N
        random = np.random.default_rng(0)
        self.y = np.zeros((M, N), np.float32)
        self.inputs = [random.standard_normal(s, np.float32) for s in ((M, K), (K, N))]
        self.arguments = put([*self.inputs, self.y], device)

    def result(self) -> np.ndarray:
        """The result of the last rung that ran, copied to the host."""
        y = self.arguments[2]
        return np.array(y if isinstance(y, np.ndarray) else y.copy_to_host())

    def in_torch(self, torch: Any, device: str) -> Callable[[], Any]:
        a, b = (torch.from_numpy(array).to(device) for array in self.inputs)
        return lambda: torch.mm(a, b)


class Conv2d(Matmul):
    """The same for convolutions."""

    def __init__(self, shape: tuple[int, ...], device: str):
        N, C_in, H, W, C_out, K, pad = shape
        H_out, W_out = H + 2 * pad - K + 1, W + 2 * pad - K + 1
        self.size = f"{N} x {C_in} x {H} x {W}, {C_out} filters of {K} x {K}, padding {pad}"
        self.operations, self.pad = N * C_out * H_out * W_out * C_in * K * K, pad
        random = np.random.default_rng(0)
        self.y = np.zeros((N, C_out, H_out, W_out), np.float32)
        self.inputs = [random.standard_normal(s, np.float32) for s in ((N, C_in, H, W), (C_out, C_in, K, K))]
        self.arguments = [*put([*self.inputs, self.y], device), pad]

    def in_torch(self, torch: Any, device: str) -> Callable[[], Any]:
        x, weight = (torch.from_numpy(array).to(device) for array in self.inputs)
        return lambda: torch.conv2d(x, weight, padding=self.pad)


class Attention(Matmul):
    """The same for attention: queries, keys and values of one shape."""

    def __init__(self, shape: tuple[int, ...], device: str):
        N, heads, L, E = self.shape = shape
        self.size, self.operations = f"{N} x {heads} heads, {L} positions, {E} elements", 2 * N * heads * L * L * E
        random = np.random.default_rng(0)
        self.inputs = [random.standard_normal((N * heads, L, E), np.float32) for _ in range(3)]
        self.y = np.zeros((N * heads, L, E), np.float32)
        self.arguments = [*self.inputs, self.y]

    def result(self) -> np.ndarray:
        return self.y.copy()

    def in_torch(self, torch: Any, device: str) -> Callable[[], Any]:
        query, key, value = (torch.from_numpy(array.reshape(self.shape)) for array in self.inputs)
        attention = torch.nn.functional.scaled_dot_product_attention
        return lambda: attention(query, key, value).reshape(self.y.shape)


def put(arrays: list[np.ndarray], device: str) -> list:
    return [reftorch.from_numpy(array).to(device).array for array in arrays] if device == "cuda" else list(arrays)


def run_ladders(
    options: argparse.Namespace,
    device: str,
    threads: int,
    torch: Any,
    limits: Limits,
    budget: Budget,
    console: Console,
    sizes: dict[str, tuple[int, ...]] | None = None,
) -> dict[str, Any]:
    """Measure the ladders of the device, and print each when it is done; returns the run.

    Raises:
        TrainingError: no rung matches `--only`.
    """
    chosen = choose_rungs(options, device)
    whole = new_run(device, threads, False, torch, limits)
    run = {name: whole[name] for name in LADDER_RUN if name in whole}
    run |= {"peak_gflops": FLOPS * limits.peak / 1e9, "ladders": []}
    for name, rungs in chosen.items():
        kind = Attention if name == "attention" else Conv2d if "Conv2d" in name else Matmul
        work = kind((sizes or SIZES)[name], device)
        with console.status("") as status:
            found = []
            for rung, function in rungs:
                status.update(f"{name}: {rung}")
                found.append(rung_row(rung, function, work, device, limits, budget))
            first = found[0].pop("result")
            for row in found[1:]:
                row["error"] = disagreement([row.pop("result")], [first])
            if torch:
                status.update(f"{name}: PyTorch")
                found.append(torch_row(torch, work, device, limits, budget, first))
        shape = list((sizes or SIZES)[name])
        ladder = dict(name=name, size=work.size, shape=shape, operations=work.operations, rungs=found)
        run["ladders"].append(ladder)
        title = f"{name}, {work.size}; the peak is {run['peak_gflops']:,.1f} GFLOP/s"
        console.print(title, ladder_table(ladder), highlight=False, sep="\n")
    return run


def choose_rungs(options: argparse.Namespace, device: str) -> dict[str, list]:
    """The rungs of each ladder whose names match the pattern."""
    chosen: dict[str, list] = {}
    names = []
    for name, rungs in LADDERS.items():
        if (device == "cuda") == ("CUDA" in name):
            names += [f"{name} {rung}" for rung, _ in rungs]
            found = [pair for pair in rungs if not options.only or options.only.search(f"{name} {pair[0]}")]
            if found:
                chosen[name] = found
    if not chosen:
        raise TrainingError(
            f"--only: no rung has {options.only.pattern!r} in its name; on this device there are {', '.join(names)}"
        )
    return chosen


def rung_row(
    rung: str, function: Callable, work: Matmul, device: str, limits: Limits, budget: Budget
) -> dict[str, Any]:
    """The row of one rung; its result is under "result"."""
    wait = reftorch.cuda.synchronize if device == "cuda" else lambda: None
    function(*work.arguments)  # compiles
    result = work.result()
    inner = getattr(function, "py_func", function)
    row = timed(rung, lambda: function(*work.arguments), wait, work, limits, budget)
    return {**row, "function": f"{inner.__module__}:{inner.__name__}", "result": result}


def torch_row(
    torch: Any, work: Matmul, device: str, limits: Limits, budget: Budget, first: np.ndarray
) -> dict[str, Any]:
    """PyTorch's row."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    call = work.in_torch(torch, device)
    row = timed("PyTorch", call, wait, work, limits, budget)
    return {**row, "error": disagreement([call().cpu().numpy()], [first])}


def timed(
    rung: str, call: Callable[[], Any], wait: Callable[[], Any], work: Matmul, limits: Limits, budget: Budget
) -> dict[str, Any]:
    seconds = measure(call, None, budget, wait).seconds
    pace = work.operations / seconds.median
    row = {"rung": rung, "function": None, "seconds": spread(seconds)}
    return {**row, "gflops": FLOPS * pace / 1e9, "share": pace / limits.peak, "error": None}


def ladder_table(ladder: dict[str, Any]) -> Table:
    """One ladder, a line for each rung. A full bar is the peak."""
    table = Table(box=box.SIMPLE)
    table.add_column("rung", min_width=16)
    for heading in ("time", "GFLOP/s", "of peak"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in ladder["rungs"]:
        cells = [row["rung"], duration(row["seconds"]["median"]), f"{row['gflops']:,.1f}", f"{row['share']:.1%}"]
        table.add_row(*cells, "█" * round(30 * min(row["share"], 1)))
    return table


def write_ladders(run: dict[str, Any], path: Path) -> None:
    """The run as JSON."""
    check(run, LADDER_RUN, "the ladders")
    write_json(run, path)
