"""The account under which submissions run if the grader is root. In Gradescope's containers it is root.

With REFTORCH_COURSE_USER=nobody in the environment, a submission can neither write results nor read hidden cases, provided that these
files belong to root and no other account may read or write them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

VARIABLE = "REFTORCH_COURSE_USER"


def somebody_else(own: Path, readable: Path | None) -> dict[str, Any]:
    """Arguments for `subprocess.Popen`, none unless this process is root and the variable is set.

    The account gets the folder `own`, and may read, but not write, the file `readable` and the folder that it is in.

    Raises PermissionError if there is no such account, or if it cannot run this Python.
    """
    name = os.environ.get(VARIABLE, "")
    if not name or os.name != "posix" or os.getuid() != 0:
        return {}
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise PermissionError(f"{VARIABLE} is {name!r}, but there is no such account") from None
    os.chown(own, entry.pw_uid, entry.pw_gid)
    for path, mode in ((readable.parent, 0o750), (readable, 0o640)) if readable else ():
        os.chown(path, 0, entry.pw_gid)
        path.chmod(mode)
    account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    try:
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], cwd="/", check=True, **account)  # type: ignore[call-overload]
    except (OSError, subprocess.CalledProcessError):
        raise PermissionError(
            f"submissions run as the account {name}, which cannot run {sys.executable}: use a Python that everybody may read, "
            f"or set {VARIABLE} to an empty text to run submissions as root"
        ) from None
    return account
