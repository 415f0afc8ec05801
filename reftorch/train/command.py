"""`reftorch train`, from the options to the files."""

from __future__ import annotations

import argparse
from pathlib import Path

import numba
from rich.console import Console

import reftorch
from reftorch import cuda_on_cpu, kernel
from reftorch.serialize import save_weights
from reftorch.train import dates, images, ranks
from reftorch.train.loop import Run, Stop, evaluate, fit
from reftorch.train.options import choose_outputs, settle, use_threads
from reftorch.train.ready import compile_apart
from reftorch.train.report import Epoch, Progressing, draw_curves
from reftorch.train.weights import Say, move_aside


def train(options: argparse.Namespace) -> int:
    """Run `reftorch train` with these options; returns the exit code.

    Raises:
        FileError: a file cannot be read or written, or has the wrong format.
        TrainingError: an option cannot be used on this machine, or the training failed.
    """
    settle(options)
    save, plot = choose_outputs(options)
    if ranks.to_be_started(options):
        return ranks.start(options, options.arguments_given)
    team = ranks.Team() if options.ranks else None
    if team and team.rank > 0:
        save = plot = None
    console = Console(**ranks.console_options(team))
    use_threads(options)
    run, epochs = prepare(options, team), options.epochs
    history: list[Epoch] = []
    with Stop(run) as stop, cuda_on_cpu.order("parallel"):
        try:
            with Progressing(console, epochs, run.size, run.things) as show:
                with kernel.compiling(show.compiling):
                    show.say(introduction(run, options))
                    if team is None or team.rank == 0:
                        compile_apart(options, show.compiling)
                    if team:
                        reftorch.distributed.barrier()
                    for epoch in fit(run, epochs, show, stop):
                        history.append(epoch)
                    answers = history[-1].answers if history else evaluate(run, stop)[2]
        except KeyboardInterrupt:
            if run.steps == 0:
                raise
            show.say(f"Interrupted in epoch {len(history) + 1} of {epochs}, after {run.steps} steps.")
            keep(run, history, save, plot, show.say, interrupted=True)
            return 128 + stop.asked
        for result in run.results(answers):
            console.print(result)
        keep(run, history, save, plot, show.say, interrupted=False)
    return 0


def prepare(options: argparse.Namespace, team: ranks.Team | None = None) -> Run:
    """The data, the network and the optimizer that the options name."""
    return dates.prepare(options) if options.job == "sequences" else images.prepare(options, team)


def introduction(run: Run, options: argparse.Namespace) -> str:
    """The first lines of the output: data, network and device."""
    weights = sum(p.numel() for p in run.network.parameters())
    threads = numba.get_num_threads()
    where = f"{threads} CPU thread{'s' if threads > 1 else ''}"
    if run.team:
        where = f"{run.team.size} ranks of {where}"
    if run.device.type == "cuda":
        kinds = {"device": "a GPU", "cpu": f"CUDA compiled for the CPU, {where}"}
        where = kinds.get(kernel.cuda_kind(), "a simulated GPU")
    text = f"{run.introduction()}; {weights:,} weights; on {where}; seed {options.seed}"
    if "simulated" in where and options.limit is None:
        text += "\nThe simulator takes a millisecond per thread: try --limit 8 --batch-size 8 --epochs 1."
    return text


def keep(run: Run, history: list[Epoch], save: Path | None, plot: Path | None, say: Say, interrupted: bool) -> None:
    """Write the weights, if they have been trained, and the pictures, if an epoch was finished."""
    further = {plot.with_stem(f"{plot.stem}-{name}"): draw for name, draw in run.pictures().items()} if plot else {}
    if save and run.steps:
        results: dict[str, object] = {"steps": run.steps, "epochs": len(history), "interrupted": interrupted}
        if history and not interrupted:
            results["held_out_accuracy"] = history[-1].held_out_accuracy
        metadata = run.facts | {name: str(value) for name, value in results.items()}
        move_aside(save, [plot, *further] if plot and history else [], metadata, say)
        save_weights(run.network.state_dict(), save, metadata)
        say(f"weights: {save}")
    if plot and history:
        last = history[-1].held_out_accuracy
        draw_curves(
            history,
            plot,
            f"{run.name}: {last:.1%} of held-out {run.things} right after epoch {len(history)}",
        )
        say(f"curves:  {plot}")
        for path, draw in further.items():
            draw(path)
            say(f"picture: {path}")
