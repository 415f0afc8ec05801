"""Stepping through a kernel: `reftorch step conv2d` opens the component's worked example in pdb, at the kernel's first line.

`components.py` finds the kernels, `example.py` runs the worked example, and `script.py` loads a kernel of the user's own. Then
`session.py` opens a debugger or makes a recording. `vscode.py` writes a launch file.
"""

from .command import main

__all__ = ["main"]
