"""`reftorch train --ranks N`: the same training on several processes. Each computes a part of every batch.

The command starts itself N times. Rank 0 shows the progress bar and writes the files; the others only compute.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import Any

import reftorch
from reftorch import distributed
from reftorch.distributed import engine
from reftorch.distributed.launch import LaunchError, launch
from reftorch.train.loop import TrainingError

TERMINAL = "REFTORCH_COLUMNS"  # environment variable for the ranks: the width of the terminal, if there is one


class Team:
    """The ranks of this training."""

    def __init__(self) -> None:
        distributed.init_process_group("mpi")
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()

    def total(self, *numbers: float) -> list[float]:
        """The sums of numbers over all ranks."""
        sums = reftorch.tensor(numbers, dtype=reftorch.float64)
        distributed.all_reduce(sums)
        return sums.tolist()

    def largest(self, number: int) -> int:
        """The largest number over all ranks: if one rank is interrupted, all learn of it at the same step."""
        found = reftorch.tensor([number])
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return int(found.item())


def to_be_started(options: argparse.Namespace) -> bool:
    """Whether this process starts the ranks and is not itself a rank."""
    return bool(options.ranks) and engine.RANKS not in os.environ


def start(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run the command on this number of ranks; returns the exit code.

    Raises:
        TrainingError: the batch cannot be divided, or the ranks cannot be started.
    """
    if options.batch_size % options.ranks:
        raise TrainingError(
            f"--ranks: expected a number that divides the {options.batch_size} images of a step (--batch-size), "
            f"found {options.ranks}"
        )
    columns = str(shutil.get_terminal_size().columns) if sys.stdout.isatty() else ""
    try:
        return launch(options.ranks, ["-m", "reftorch", *arguments], {TERMINAL: columns})
    except LaunchError as error:
        raise TrainingError(str(error)) from error


def console_options(team: Team | None) -> dict[str, Any]:
    """The console of a rank: rank 0 writes to the terminal of the command, through MPI; the others write nothing."""
    columns = os.environ.get(TERMINAL, "")
    if team is None:
        return {}
    if team.rank > 0:
        return {"quiet": True}
    return {"force_terminal": True, "width": int(columns)} if columns else {}
