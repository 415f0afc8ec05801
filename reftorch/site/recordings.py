"""The worked example of a component, recorded kernel by kernel for the step viewer.

The recordings are part of the page, although the interpreter of live examples could make those of CPU kernels. They are small: without
them, the 154 pages would have 3.87 MB in place of 3.94, compressed, and half of the pages would lose less than 0.3 kB each. The
interpreter has 14 kB, and would have to be loaded with every page. And the last digit of an exponential is right in Python's recording.
"""

from __future__ import annotations

import functools
import html
import json
import re
from typing import Any

import numpy as np

from ..random import manual_seed
from ..step.components import Component
from ..step.example import launched, run_example
from ..step.session import make_recording
from ..trace import Recording
from . import document, live
from .errors import SiteError
from .mathematics import to_html
from .segment import Block, Segments, segment

LIMIT = 20_000  # steps: nobody would step through more on a page


def runs(component: Component) -> list[tuple[Any, Any, int, tuple]]:
    """For each kernel: its CPU form, its CUDA form, its number of threads, and the arguments of the worked example.

    A component without kernels of its own shows the kernels that its example launches, beginning with those that have its name: the LSTM
    begins with its cell, and not with the linear layer before it.
    """
    found: list[tuple[Any, Any, int, tuple]] = []

    def keep(cpu_kernel: Any, cuda_kernel: Any, threads: int, arguments: tuple) -> None:
        found.append((cpu_kernel, cuda_kernel, threads, _copied(arguments)))

    others = sorted(launched(component), key=lambda kernel: not kernel.startswith(component.file.stem))
    for kernel in component.kernels or others:
        manual_seed(0)  # an example that draws its parameters draws the same ones for each kernel and in each build
        run_example(component, kernel, keep, go_on=False)
    return found


@functools.cache  # used twice: by the viewer, and by the picture, which is drawn from the first
def recordings(component: Component) -> list[Recording]:
    """Recordings of each kernel, of its CPU form and of its CUDA form with all threads, on the arguments of the worked example."""
    found: list[Recording] = []
    for cpu_kernel, cuda_kernel, threads, arguments in runs(component):
        for kernel, launch in ((cpu_kernel, None), (cuda_kernel, (1, max(threads, 1)))):
            found.append(make_recording(kernel, _copied(arguments), launch, None, LIMIT))
    return found


def first_recording(component: Component) -> Recording | None:
    """The recording of the first kernel's CPU form."""
    return next(iter(recordings(component)), None)


def _copied(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        return argument.copy()
    if isinstance(argument, (list, tuple)):
        return type(argument)(_copied(part) for part in argument)
    return argument


def viewer(component: Component, first: str = "") -> str:
    """The step viewer with these recordings, as HTML. `assets/page.js` starts it.

    `first`: the beginning of a line; the first recording is shown at the first run of this line.
    """
    cut = segment(component.file)
    symbols = [(symbol.tex, symbol.variable) for symbol in document.symbols(cut)]
    parts = [_formula(block, cut, symbols) for block in cut.blocks if block.is_kernel]
    made = recordings(component)
    if not made:
        return ""
    parts += map(script, made)
    for (kernel, _, _, arguments), recording in zip(runs(component), made[::2]):
        data = json.dumps(live.example(kernel, arguments, recording.arrays), separators=(",", ":")).replace(
            "<", "\\u003c"
        )
        parts.append(f'<script type="application/json" data-live="{html.escape(kernel.__name__)}">{data}</script>')
    given = {"symbols": " ".join(variable for _, variable in symbols)}
    if first:
        given["first"] = str(_step(made[0], first, component))
    return _whole(parts, given)


def script(recording: Recording) -> str:
    """A recording in the form that the viewer reads from a page."""
    data = recording.to_json().replace("<", "\\u003c")
    return f'<script type="application/json" data-kernel="{html.escape(recording.kernel)}">{data}</script>'


def viewer_of(recording: Recording) -> str:
    """The step viewer with a recording that belongs to no component."""
    return _whole([script(recording)], {"symbols": ""})


def _whole(parts: list[str], given: dict[str, str]) -> str:
    hint = "Stepping through the kernels needs JavaScript; the listings of the source are the same code."
    data = "".join(f' data-{name}="{value}"' for name, value in given.items())
    return f'<div class="rt-viewer"{data}>{"".join(parts)}<noscript>{hint}</noscript></div>'


def _step(recording: Recording, first: str, component: Component) -> int:
    """The first step on a line that begins so."""
    rows = [line.strip() for function in recording.functions for line in function.source]
    for number, step in enumerate(recording.steps):
        if rows[step[0]].startswith(first):
            return number
    raise SiteError(component.file, 1, f"{recording.kernel} runs no line that begins with {first!r}")


def _formula(block: Block, cut: Segments, symbols: list[tuple[str, str]]) -> str:
    """The formula of a kernel: the display formulas of the notes above it. They are hidden until the viewer shows them."""
    found = "\n\n".join(re.findall(r"\$\$[^$]+\$\$", block.notes))
    kernels = " ".join(function.name for function in block.functions)
    text = to_html(found, cut.file, block.notes_line, symbols) if found else ""
    return f'<div class="rt-formula" data-kernels="{kernels}" data-search-exclude hidden>{text}</div>' if found else ""
