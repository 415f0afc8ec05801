"""The worked example of a component, recorded kernel by kernel for the step viewer."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from ..step.components import Component
from ..step.example import run_example
from ..step.session import make_recording
from ..trace import Recording

LIMIT = 20_000  # steps: more are no use on a page


def recordings(component: Component) -> list[Recording]:
    """Of each kernel its CPU form and its CUDA form over all threads, on the arguments of the worked example."""
    found: list[Recording] = []

    def record(cpu_kernel: Any, cuda_kernel: Any, threads: int, arguments: tuple) -> None:
        for kernel, launch in ((cpu_kernel, None), (cuda_kernel, (1, max(threads, 1)))):
            fresh = tuple(_copied(argument) for argument in arguments)
            found.append(make_recording(kernel, fresh, launch, None, LIMIT))

    for kernel in component.kernels:
        run_example(component, kernel, record, go_on=False)
    return found


def _copied(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        return argument.copy()
    if isinstance(argument, (list, tuple)):
        return type(argument)(_copied(part) for part in argument)
    return argument


def viewer(component: Component) -> str:
    """The step viewer with these recordings, as HTML. `assets/page.js` brings it to life."""
    scripts = []
    for recording in recordings(component):
        data = recording.to_json().replace("<", "\\u003c")
        scripts.append(f'<script type="application/json" data-kernel="{html.escape(recording.kernel)}">{data}</script>')
    hint = "Stepping through the kernels needs JavaScript; the listings above are the same code."
    return f'<div class="rt-viewer">{"".join(scripts)}<noscript>{hint}</noscript></div>'
