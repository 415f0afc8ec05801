"""What each rank of `reftorch launch` runs: a note for the launcher with its number, then the script.

It is run as a file, so that nothing of reftorch is imported before the script imports it.
"""

from __future__ import annotations

import io
import os
import runpy
import sys
from pathlib import Path
from types import TracebackType

RANKS = "REFTORCH_RANKS"
NUMBERS = {"RANK": ("PMI_RANK", "OMPI_COMM_WORLD_RANK"), "WORLD_SIZE": ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")}


def note(kind: str, text: str) -> None:
    """Leave a note for the launcher."""
    folder, rank = os.environ.get(RANKS), os.environ.get("RANK")
    if folder and rank and os.path.isdir(folder):
        Path(folder, f"{rank}.{kind}.new").write_text(text, encoding="utf-8")
        Path(folder, f"{rank}.{kind}.new").replace(Path(folder, f"{rank}.{kind}"))  # never read half written


def main() -> None:
    """`rank.py script.py arguments` or `rank.py -m module arguments`."""
    for name, sources in NUMBERS.items():  # the names that torchrun sets
        os.environ.setdefault(name, next((os.environ[source] for source in sources if source in os.environ), "0"))
    os.environ.setdefault("LOCAL_RANK", os.environ.get("MPI_LOCALRANKID", os.environ["RANK"]))
    note("pid", str(os.getpid()))
    for stream in (sys.stdout, sys.stderr):  # lines of several ranks stay whole, and are shown at once
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)
    as_module = sys.argv[1] == "-m"
    target, *rest = sys.argv[2:] if as_module else sys.argv[1:]
    sys.argv = [target, *rest]
    sys.path[0] = os.getcwd() if as_module else str(Path(target).resolve().parent)
    try:
        if as_module:
            runpy.run_module(target, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(target, run_name="__main__")
        note("done", "")
    except SystemExit as end:
        if end.code in (None, 0):
            note("done", "")
        else:
            note("end", f"it called sys.exit({end.code!r})")
        raise
    except BaseException as error:
        kind = type(error).__name__
        note("end", "it was interrupted" if kind == "KeyboardInterrupt" else f"it raised {kind}: {error}"[:300])
        error.__traceback__ = without_this_file(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


def without_this_file(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the script on."""
    found = traceback
    while found is not None and found.tb_frame.f_code.co_filename in (__file__, runpy.__file__, "<frozen runpy>"):
        found = found.tb_next
    return found or traceback


if __name__ == "__main__":
    main()
