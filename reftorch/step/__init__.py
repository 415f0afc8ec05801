"""Stepping through a kernel: `reftorch step conv2d` opens the component's worked example in pdb, at the kernel's first line.

What there is to step through is found in `components.py`; the worked example is run in `example.py`; a kernel of the user's own
comes from `script.py`. `session.py` then opens a debugger, or makes a recording, and `vscode.py` writes a launch file.
"""

from .command import main

__all__ = ["main"]
